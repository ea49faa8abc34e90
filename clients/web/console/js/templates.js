// @ts-check
import { h } from "../../js/dom.js";
import { plural } from "../../js/text.js";
import { keyOf, UNKNOWN } from "./data.js";
import { EVERY_TEMPLATE } from "./model.js";
import { complianceBadge, empty, heading, waiting } from "./pieces.js";
import { can } from "./rights.js";
import { address } from "./routes.js";

export function needs() {
  return [EVERY_TEMPLATE];
}

/** Templates with their badges. @param {any} act @param {any} value */
export function templates(act, value) {
  const known = value.data.get(keyOf(EVERY_TEMPLATE)) ?? UNKNOWN;
  const add = can(value.me, "admin") ? h("a", { class: "button primary", href: "#/templates?new=1" }, "New template") : null;
  if (known.value === null) return [heading("Templates", add), waiting(act, known)];
  const { items } = known.value;
  const good = items.filter((/** @type {any} */ one) => one.compliant).length;
  return [
    heading("Templates", add),
    items.length === 0 ? empty("box", "No template yet. One names the models a workflow uses, and is compliant while all of them are verified.") : h("p", { key: "summary", class: "summary", role: "status" }, `${plural(items.length, "template")}, ${good} compliant`),
    h("ul", { key: "cards", class: "tiles" }, items.map(tile)),
  ];
}

/** @param {any} template */
function tile(template) {
  return h(
    "li",
    { key: template.id, class: "tile linked", "data-template": template.id },
    h("div", { class: "title-line" }, h("h2", null, h("a", { href: address("templates", [template.id]) }, template.name)), complianceBadge(template.compliant)),
    template.description ? h("p", { class: "notes" }, template.description) : null,
    h("p", { class: "facts" }, h("span", { key: "id" }, template.id), h("span", { key: "models" }, plural(template.models.length, "model"))),
    template.unverified.length ? h("p", { class: "missing" }, "Not verified: ", template.unverified.slice(0, 3).join(", "), template.unverified.length > 3 ? ` and ${template.unverified.length - 3} more` : "") : null,
  );
}
