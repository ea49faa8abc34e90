// @ts-check
/** Small parts that several views show. */
import { h } from "../../js/dom.js";
import { icon } from "../../js/icons.js";

/** @typedef {import("../../js/dom.js").Child} Child */

const STATUS = /** @type {const} */ ({
  pending: { tone: "accent", word: "Pending", drawing: "question" },
  approved: { tone: "ok", word: "Approved", drawing: "check" },
  rejected: { tone: "bad", word: "Rejected", drawing: "cross" },
  cancelled: { tone: "plain", word: "Cancelled", drawing: "cross" },
  withdrawn: { tone: "warn", word: "Withdrawn", drawing: "warn" },
});

/** A word with a tone and a drawing. @param {string} tone @param {any} drawing @param {string} word */
export function badge(tone, drawing, word) {
  return h("span", { key: `${tone} ${word}`, class: `badge ${tone}` }, icon(drawing), word);
}

/** @param {string} status */
export function statusBadge(status) {
  const known = STATUS[/** @type {keyof typeof STATUS} */ (status)];
  return known ? badge(known.tone, known.drawing, known.word) : badge("plain", "question", status);
}

/** @param {boolean} compliant */
export function complianceBadge(compliant) {
  return compliant ? badge("ok", "check", "Compliant") : badge("warn", "warn", "Not compliant");
}

/** @param {string} title @param {string} [label] */
export function seal(title = "Verified", label = title) {
  return h("span", { class: "seal", title, role: "img", "aria-label": label }, icon("seal"));
}

/** Our own words, in which what stands between backticks is for a terminal. @param {string} text @returns {Child} */
export function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", { key: index }, part) : part));
}

/** A moment in the reader's words, exact when pointed at. @param {string | null | undefined} rfc3339 */
export function moment(rfc3339) {
  if (!rfc3339) return "never";
  const date = new Date(rfc3339);
  const words = date.toLocaleString(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  return h("time", { datetime: rfc3339, title: date.toLocaleString() }, words);
}

/** A title with what belongs to it at its end. @param {Child} title @param {...Child} rest */
export function heading(title, ...rest) {
  return h("div", { class: "heading" }, h("h1", null, title), h("div", { class: "heading-rest" }, rest));
}

/** A framed part of a view. @param {string} title @param {Child} more beside the title @param {...Child} children */
export function panel(title, more, ...children) {
  return h("section", { class: "sheet", "aria-label": title }, h("header", null, h("h2", null, title), more), children);
}

/** Names and values. @param {([string, Child] | null)[]} pairs */
export function definitions(pairs) {
  return h("dl", { class: "definitions" }, pairs.filter((pair) => pair !== null).map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))));
}

/** @param {any} drawing @param {string} words @param {...Child} rest */
export function empty(drawing, words, ...rest) {
  return h("div", { class: "empty" }, h("span", { class: "empty-icon" }, icon(drawing)), h("p", null, words), rest);
}

/** What a view shows while it does not know, or cannot. @param {any} act @param {import("./data.js").Known} known */
export function waiting(act, known) {
  if (!known.error) return h("p", { key: "waiting", class: "summary", role: "status" }, "Loading…");
  const again = h("button", { type: "button", class: "button", onclick: () => act.refresh() }, icon("retry"), "Try again");
  return h("div", { key: "failed", class: "empty", role: "alert" }, h("p", null, known.error), again);
}

/** @param {string} href @param {Child} words */
export function link(href, words) {
  return h("a", { class: "link", href }, words);
}

/** A button. One that is disabled does nothing and keeps the keyboard's place; `key` is for one whose words change.
 * @param {string} words @param {() => void} onclick @param {{key?: string, tone?: string, drawing?: any, disabled?: boolean, label?: string, describedBy?: string}} [rest] */
export function button(words, onclick, { key = words, tone = "", drawing, disabled = false, label, describedBy } = {}) {
  return h("button", { key, type: "button", class: `button ${tone}`, "aria-disabled": disabled ? "true" : null, "aria-label": label, "aria-describedby": describedBy, onclick: disabled ? null : onclick }, drawing ? icon(drawing) : null, words);
}

/** The button that sends a form; the form's own `onsubmit` does not while it is disabled. @param {string} words @param {boolean} disabled @param {string} [tone] */
export function sends(words, disabled, tone = "primary") {
  return h("button", { key: "send", type: "submit", class: `button ${tone}`, "aria-disabled": disabled ? "true" : null }, words);
}

/** The button for a list's next page. @param {any} act @param {string} key of the need @param {any} list @param {string} what */
export function showMore(act, key, list, what) {
  return list.next ? h("p", { class: "more" }, button(`Show more of ${list.total.toLocaleString("en")} ${what}`, () => act.more(key), { key: "more" })) : null;
}

/** A selection whose value stands in the address. @param {any} act @param {any} route @param {string} name @param {string} label @param {[string, string][]} options */
export function choice(act, route, name, label, options) {
  return h(
    "span",
    { class: "select" },
    h(
      "select",
      { "aria-label": label, value: route.query[name] ?? "", onchange: (/** @type {any} */ event) => act.filter(name, event.currentTarget.value) },
      options.map(([value, word]) => h("option", { key: value, value }, word)),
    ),
    icon("chevron"),
  );
}

/** A search whose words stand in the address. @param {any} act @param {any} route @param {string} name @param {string} hint */
export function search(act, route, name, hint) {
  return h(
    "label",
    { class: "search" },
    icon("search"),
    h("span", { class: "unseen" }, hint),
    h("input", { type: "search", id: `search-${name}`, placeholder: hint, value: route.query[name] ?? "", autocomplete: "off", spellcheck: "false", maxlength: 200, oninput: (/** @type {any} */ event) => act.typed(name, event.currentTarget.value) }),
  );
}
