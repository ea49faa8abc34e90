// @ts-check
/** Values of an entry, and differences between two, as people read them. */
import { h, safeLink } from "../../js/dom.js";
import { fieldName, placeOf, plainValue, wordsBetween } from "./diff.js";

/** Anything that an entry may hold: texts as texts, lists and objects as lists. @param {string} field @param {any} value @returns {import("../../js/dom.js").Child} */
export function shownValue(field, value) {
  if (value === null || value === undefined) return h("span", { class: "nothing" }, "nothing");
  if (Array.isArray(value)) return listed(field, value);
  if (typeof value === "object") {
    const set = Object.entries(value).filter(([, one]) => one !== null && !(Array.isArray(one) && one.length === 0));
    return h("dl", { class: "object" }, set.map(([name, one]) => h("div", { key: name }, h("dt", null, fieldName(name)), h("dd", null, shownValue(name, one)))));
  }
  const text = plainValue(field, value);
  if ((field === "homepage" || field === "url" || field === "urls") && safeLink(text)) return h("a", { href: text, rel: "noreferrer noopener", target: "_blank" }, text);
  return h("span", { class: field === "sha256" || field === "key_id" ? "code" : "text" }, text);
}

/** @param {string} field @param {any[]} values */
function listed(field, values) {
  if (values.length === 0) return h("span", { class: "nothing" }, "none");
  if (values.every((one) => typeof one !== "object") && field !== "urls") return h("ul", { class: "chips" }, values.map((one, index) => h("li", { key: index }, plainValue(field, one))));
  return h("ul", { class: "values" }, values.map((one, index) => h("li", { key: index }, shownValue(field, one))));
}

/** The differences. `entry` is the new content, `served` the old one, into which pointers of removed things lead.
 * @param {any[]} changes @param {any} entry @param {any} served */
export function differences(changes, entry, served) {
  return h(
    "ul",
    { class: "differences" },
    changes.map((change) => {
      const gone = change.after === null && typeof change.before === "object" && change.before !== null;
      const place = placeOf(change.pointer, gone ? served : entry);
      const field = change.pointer.split("/").at(-1) ?? "";
      return h("li", { key: change.pointer + String(gone) }, h("h3", null, place.map((step, index) => h("span", { key: index }, step))), difference(/^\d+$/.test(field) ? "" : field, change));
    }),
  );
}

/** @param {string} field @param {{before: any, after: any}} change */
function difference(field, { before, after }) {
  if (typeof before === "string" && typeof after === "string") {
    const runs = wordsBetween(before, after);
    const common = runs?.filter((run) => run.kind === "same").reduce((sum, run) => sum + run.text.trim().length, 0) ?? 0;
    if (runs && common * 3 > Math.min(before.length, after.length)) return h("p", { class: "words" }, runs.map((run, index) => (run.kind === "same" ? h("span", { key: index }, run.text) : h(run.kind === "gone" ? "del" : "ins", { key: index }, run.text))));
  }
  return [
    before === null || before === undefined ? null : h("div", { key: "before", class: "before" }, h("span", { class: "side" }, "Before"), h("div", null, shownValue(field, before))),
    h("div", { key: "after", class: "after" }, h("span", { class: "side" }, before === null || before === undefined ? "New" : "After"), h("div", null, shownValue(field, after))),
  ];
}

const OWN = new Set(["id", "publisher", "verified", "published_by", "published_at", "version", "versions", "counters"]);

const FIRST = ["display_name", "description", "capabilities", "license", "parameters", "active_parameters", "context_length", "base_model", "homepage", "tags", "requires", "hardware", "options"];

/** What people look for first comes first. @param {[string, any]} a @param {[string, any]} b */
function byInterest([a], [b]) {
  const [left, right] = [FIRST.indexOf(a), FIRST.indexOf(b)];
  return (left < 0 ? FIRST.length : left) - (right < 0 ? FIRST.length : right);
}

/** What machines are told of a model, without what the registry itself says. @param {any} entry */
export function entryOf(entry) {
  const set = Object.entries(entry).filter(([name, value]) => !OWN.has(name) && value !== null && value !== "" && !isHollow(value)).sort(byInterest);
  return h("dl", { class: "definitions entry" }, set.map(([name, value]) => h("div", { key: name }, h("dt", null, fieldName(name)), h("dd", null, shownValue(name, value)))));
}

/** @param {any} value @returns {boolean} */
function isHollow(value) {
  return value === null || (typeof value === "object" && Object.values(value).every(isHollow));
}
