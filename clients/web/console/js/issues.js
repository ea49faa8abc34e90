// @ts-check
import { h } from "../../js/dom.js";
import { icon } from "../../js/icons.js";

/** @type {Record<string, {tone: string, word: string, drawing: any}>} */
const SEVERITIES = {
  error: { tone: "bad", word: "Error", drawing: "cross" },
  warning: { tone: "warn", word: "Warning", drawing: "warn" },
  info: { tone: "plain", word: "Note", drawing: "question" },
};

/** What was noticed about a version. @param {any[]} issues */
export function issueList(issues) {
  if (issues.length === 0) return h("p", { class: "calm" }, icon("check"), "Nothing was noticed when it was published.");
  return h(
    "ul",
    { class: "issues" },
    issues.map((issue, index) => {
      const { tone, word, drawing } = SEVERITIES[issue.severity] ?? SEVERITIES.info;
      return h("li", { key: index, class: tone }, h("span", { class: `badge ${tone}` }, icon(drawing), word), h("div", null, h("p", null, issue.message), h("p", { class: "where" }, issue.pointer ? h("code", null, issue.pointer) : null, " ", h("span", null, issue.code))));
    }),
  );
}

/** `1 error, 2 warnings`, or nothing. @param {any[]} issues */
export function issueWords(issues) {
  const count = (/** @type {string} */ severity) => issues.filter((issue) => issue.severity === severity).length;
  const [errors, warnings, notes] = [count("error"), count("warning"), count("info")];
  return [errors ? `${errors} ${errors === 1 ? "error" : "errors"}` : "", warnings ? `${warnings} ${warnings === 1 ? "warning" : "warnings"}` : "", notes ? `${notes} ${notes === 1 ? "note" : "notes"}` : ""].filter(Boolean).join(", ");
}
