// @ts-check
import { h } from "../../js/dom.js";
import { count, plural } from "../../js/text.js";
import { UNKNOWN } from "./data.js";
import { badge, choice, empty, heading, search, seal, showMore, waiting } from "./pieces.js";
import { modelAddress, queryOf } from "./routes.js";

const STATUSES = /** @type {[string, string][]} */ ([["", "Any state"], ["pending", "With a pending version"], ["approved", "With an approved version"], ["rejected", "With a rejected version"], ["withdrawn", "With a withdrawn version"]]);
const VERIFIED = /** @type {[string, string][]} */ ([["", "Verified or not"], ["true", "Verified"], ["false", "Not verified"]]);

/** @param {any} route */
function listPath({ query: { q, status, verified, publisher } }) {
  return `/models?${queryOf({ limit: 50, q: q?.trim(), status, verified, publisher })}`;
}

/** @param {any} route */
export function needs(route) {
  return [{ path: listPath(route) }];
}

/** All models that the token may see. @param {any} act @param {any} value */
export function models(act, value) {
  const { route } = value;
  const key = listPath(route);
  const known = value.data.get(key) ?? UNKNOWN;
  return [
    heading("Models"),
    h("div", { key: "bar", class: "bar" }, search(act, route, "q", "Search by id, name, tag or publisher"), choice(act, route, "status", "State of a version", STATUSES), choice(act, route, "verified", "Verification", VERIFIED)),
    known.value === null ? waiting(act, known) : h("p", { key: "summary", class: "summary", role: "status" }, plural(known.value.total, "model"), route.query.publisher ? ` of ${route.query.publisher}` : ""),
    known.value?.items.length === 0 ? empty("search", "No model matches.") : null,
    known.value?.items.length ? table(known.value.items) : null,
    known.value ? showMore(act, key, known.value, "models") : null,
  ];
}

/** @param {any[]} items */
function table(items) {
  return h(
    "table",
    { key: "table", class: "table" },
    h("thead", null, h("tr", null, ["Model", "Served", "State", "Templates", "Downloads", "Stars"].map((word, index) => h("th", { key: word, scope: "col", class: index > 2 ? "number" : null }, word)))),
    h(
      "tbody",
      null,
      items.map((model) =>
        h(
          "tr",
          { key: model.id, class: "linked", "data-model": model.id },
          h("th", { scope: "row" }, h("a", { href: modelAddress(model.id) }, model.id), model.verified ? seal() : null),
          h("td", { "data-label": "Served" }, model.served_version === null ? "–" : `version ${model.served_version}`),
          h("td", { "data-label": "State" }, state(model)),
          h("td", { "data-label": "Templates", class: "number" }, model.templates.length),
          h("td", { "data-label": "Downloads", class: "number" }, count(model.counters.downloads)),
          h("td", { "data-label": "Stars", class: "number" }, count(model.counters.stars)),
        ),
      ),
    ),
  );
}

/** @param {any} model */
export function state(model) {
  if (model.tombstone) return badge("warn", "warn", "Withdrawn");
  if (model.served_version === null) return badge("plain", "question", "Not served");
  if (model.last_version > model.served_version) return badge("accent", "down", `Version ${model.last_version} is newer`);
  return badge("ok", "check", "Served");
}
