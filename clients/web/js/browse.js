// @ts-check
import { card } from "./card.js";
import { h, lazy } from "./dom.js";
import { filterButton, filters } from "./facets.js";
import { icon } from "./icons.js";
import { SORTS } from "./routes.js";
import { plural } from "./text.js";

/** @type {Record<string, string>} */
const SORT_WORDS = { relevance: "Recommended", name: "Name", params: "Parameters", size: "Size", downloads: "Downloads", updated: "Newest" };

/** The Browse tab. @param {any} act @param {any} value what the page knows @param {any} derived */
export function browse(act, value, derived) {
  const { route, results } = value;
  return h(
    "div",
    { class: "with-side" },
    h("h1", { class: "unseen" }, "Browse models"),
    h(
      "div",
      { class: "bar" },
      searchBox(act, route, "Search models, publishers, tags"),
      h(
        "span",
        { class: "select sort" },
        h(
          "select",
          { "aria-label": "Sort by", value: route.sort, onchange: (/** @type {any} */ event) => act.go({ ...route, sort: event.currentTarget.value }) },
          SORTS.map((sort) => h("option", { key: sort, value: sort }, SORT_WORDS[sort])),
        ),
        icon("chevron"),
      ),
      filterButton(act, route, value.filtersOpen),
    ),
    lazy("filters", filters, act, route, results.facets, value.filtersOpen),
    h(
      "section",
      { class: "content", "aria-label": "Models" },
      h("p", { class: "summary", role: "status" }, summary(value, derived)),
      list(act, value, derived),
    ),
  );
}

/** @param {any} act @param {any} route @param {string} hint */
export function searchBox(act, route, hint) {
  return h(
    "label",
    { class: "search" },
    icon("search"),
    h("span", { class: "unseen" }, hint),
    h("input", { type: "search", id: "search", placeholder: hint, value: route.q, autocomplete: "off", spellcheck: "false", oninput: (/** @type {any} */ event) => act.typed(event.currentTarget.value) }),
  );
}

/** @param {any} value @param {any} derived */
function summary(value, derived) {
  const { results } = value;
  if (results.total === null) return results.error ? "" : "Searching…";
  const words = [plural(results.total, "model")];
  if (derived.underWay) words.push(`${derived.underWay} downloading`);
  return words.join(" · ");
}

/** @param {any} act @param {any} value @param {any} derived */
function list(act, value, derived) {
  const { results, details, chosen } = value;
  if (results.error) return h("div", { class: "empty", role: "alert" }, h("p", null, results.error), h("button", { type: "button", class: "button", onclick: () => act.searchAgain() }, icon("retry"), "Try again"));
  if (results.total === 0) return nothingFound(act, value.route);
  return [
    h(
      "ul",
      { key: "cards", class: "cards", "aria-busy": String(results.loading) },
      results.items.map((/** @type {any} */ model) =>
        lazy(model.id, card, act, model, details.get(model.id), chosen.get(model.id), derived.shown.get(model.id), derived.installed.get(model.id)),
      ),
    ),
    results.next ? h("p", { key: "more", class: "more" }, h("button", { type: "button", class: "button", disabled: results.loading, onclick: () => act.more() }, `Show more of ${results.total}`)) : null,
  ];
}

/** @param {any} act @param {any} route */
function nothingFound(act, route) {
  return h(
    "div",
    { class: "empty" },
    h("p", null, route.compatible ? "No model matches and fits this computer." : "No model matches."),
    h("button", { type: "button", class: "button", onclick: () => act.clearAll() }, "Show all models"),
  );
}
