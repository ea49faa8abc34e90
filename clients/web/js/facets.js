// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { FACETS, filterCount } from "./routes.js";

const TITLES = { capability: "Capability", format: "Format", license: "Licence", publisher: "Publisher" };
const AT_ONCE = 7;

/** The filters beside the list. @param {any} act @param {any} route @param {any} facets counts of the last answer @param {boolean} open on a narrow screen */
export function filters(act, route, facets, open) {
  return h(
    "aside",
    { class: `filters${open ? " open" : ""}`, id: "filters", "aria-label": "Filters" },
    h(
      "label",
      { class: "only-compatible" },
      h("input", { type: "checkbox", class: "switch", role: "switch", checked: route.compatible, onchange: () => act.go({ ...route, compatible: !route.compatible }) }),
      h("span", null, h("strong", null, "Compatible only"), h("small", null, "Fits this computer's memory")),
    ),
    FACETS.map((facet) => group(act, route, facet, facets?.[facet] ?? [])),
    filterCount(route) ? h("button", { key: "clear", type: "button", class: "button plain", onclick: () => act.clearFilters() }, "Clear filters") : null,
  );
}

/** @param {any} act @param {any} route @param {typeof FACETS[number]} facet @param {{value: string, count: number}[]} values */
function group(act, route, facet, values) {
  const chosen = route.facets[facet] ?? [];
  const missing = chosen.filter((/** @type {string} */ value) => !values.some((one) => one.value === value)).map((/** @type {string} */ value) => ({ value, count: 0 }));
  const all = [...values, ...missing];
  if (!all.length) return null;
  const near = all.filter((one, index) => index < AT_ONCE || chosen.includes(one.value));
  const far = all.filter((one) => !near.includes(one));
  const box = (/** @type {{value: string, count: number}} */ one) =>
    h(
      "label",
      { key: one.value, class: "facet" },
      h("input", { type: "checkbox", checked: chosen.includes(one.value), onchange: () => act.toggle(facet, one.value) }),
      h("span", { class: "value", title: one.value }, facet === "license" ? one.value.replace(/^LicenseRef-/, "") : one.value),
      h("span", { class: "count" }, one.count),
    );
  return h(
    "fieldset",
    { key: facet },
    h("legend", null, TITLES[facet]),
    near.map(box),
    far.length ? h("details", { key: "more" }, h("summary", null, `${far.length} more`), far.map(box)) : null,
  );
}

/** The button that shows the filters on a narrow screen. @param {any} act @param {any} route @param {boolean} open */
export function filterButton(act, route, open) {
  const active = filterCount(route);
  return h(
    "button",
    { type: "button", class: "button filter-button", "aria-expanded": String(open), "aria-controls": "filters", onclick: () => act.showFilters(!open) },
    icon("filter"),
    active ? `Filters (${active})` : "Filters",
  );
}
