// @ts-check
import { percent } from "./activity_figures.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { intervalBar } from "./plot.js";
import { plural } from "./text.js";
import { VERDICTS, figureWord, intervalWords, neededWords, shareWords, valueWords } from "./trial_words.js";

/** @typedef {import("../types/daemon").Comparison} Comparison */

/** What may be said by now, and on which figures. @param {import("../types/daemon").Trial | null} trial with its evidence */
export function evidencePane(trial) {
  const evidence = trial?.evidence;
  return h(
    "section",
    { key: "evidence", class: "pane", "aria-label": "Evidence" },
    evidence ? [words(evidence), comparisons(evidence), agreement(evidence), marks(evidence)] : h("p", { class: "from", role: "status" }, "Reading…"),
  );
}

/** @param {import("../types/daemon").Evidence} evidence */
function words(evidence) {
  const said = evidence.words ?? [];
  return h("ul", { key: "words", class: "lines words" }, (said.length ? said : ["Nothing may be said yet: there are no pairs."]).map((word) => h("li", { key: word }, word)));
}

/** Every comparison with its interval, as a table that the drawings stand in. @param {import("../types/daemon").Evidence} evidence */
function comparisons(evidence) {
  const all = [...(evidence.figures ?? []), ...(evidence.checks ?? []).map((check) => check.comparison), ...(evidence.preference ? [evidence.preference] : [])];
  if (!all.some((one) => one.pairs)) return null;
  const how = h("p", { key: "how", class: "from" }, "The bar is the interval that holds the true figure with a probability of 95 %; the line in the middle is “no difference”. Verdicts hold however often one looks.");
  const table = h(
    "div",
    { key: "figures", class: "scrolls", tabindex: "0", role: "region", "aria-label": "Figures of both" },
    h(
      "table",
      { class: "evidence" },
      h("thead", null, h("tr", null, ["Figure", "Active", "Candidate", "Candidate beside active", "", "Verdict", "Pairs", "Still needed"].map((word, at) => h("th", { key: at, scope: "col", class: [1, 2, 6, 7].includes(at) ? "figure" : null }, word || h("span", { class: "unseen" }, "Interval"))))),
      h("tbody", null, all.filter((one) => one.pairs).map((one) => comparison(one))),
    ),
  );
  return [how, table];
}

/** @param {Comparison} one */
function comparison(one) {
  const verdict = VERDICTS[one.verdict] ?? VERDICTS.not_enough;
  const range = intervalWords(one);
  return h(
    "tr",
    { key: one.figure, "data-figure": one.figure },
    h("th", { scope: "row" }, figureWord(one.figure), h("span", { class: "wanted" }, one.wanted === "lower" ? "less is better" : "more is better")),
    h("td", { class: "figure" }, valueWords(one, one.first)),
    h("td", { class: "figure" }, valueWords(one, one.second)),
    h("td", null, intervalBar({ kind: one.kind, estimate: one.estimate, interval: one.interval, words: `${figureWord(one.figure)}: ${range}` })),
    h("td", { class: "range-words" }, one.kind === "wins" ? `won ${range}` : range),
    h("td", null, h("span", { class: `badge small ${verdict.tone}` }, icon(verdict.icon), verdict.word)),
    h("td", { class: "figure" }, one.pairs.toLocaleString("en")),
    h("td", { class: "figure" }, neededWords(one)),
  );
}

/** @param {import("../types/daemon").Evidence} evidence */
function agreement(evidence) {
  const { similarity, similarity_interval: range, similarity_pairs: pairs } = evidence;
  /** @type {[string, string][]} */
  const rows = [
    ["Candidate answered", shareWords(evidence.answered)],
    ["Same text", shareWords(evidence.exact)],
    ["Same but for writing", shareWords(evidence.normalised)],
    ["Same tools called", evidence.tool_calls.of ? shareWords(evidence.tool_calls) : "no tools asked for"],
    ["Alike in meaning", similarity === null || similarity === undefined ? "no embedding model was loaded" : `${similarity.toFixed(3)}${range ? ` (${range.low.toFixed(3)} to ${range.high.toFixed(3)})` : ""} over ${plural(pairs ?? 0, "pair")}`],
    ...(evidence.checks ?? []).map((check) => /** @type {[string, string]} */ ([`Passes “${check.check}”`, `active ${shareWords(check.active)}; candidate ${shareWords(check.candidate)}`])),
  ];
  return [h("h3", { key: "agree", class: "group" }, "How alike"), h("dl", { key: "agreement", class: "pairs" }, rows.map(([word, what]) => h("div", { key: word }, h("dt", null, word), h("dd", null, what))))];
}

/** @param {import("../types/daemon").Evidence} evidence */
function marks(evidence) {
  const { active = 0, candidate = 0, tie = 0, both_bad = 0 } = evidence.marks ?? {};
  const all = active + candidate + tie + both_bad;
  if (!all) return null;
  const rows = /** @type {[string, number][]} */ ([["Candidate better", candidate], ["Active better", active], ["Equally good", tie], ["Both bad", both_bad]]);
  return [h("h3", { key: "marks", class: "group" }, "Blind marks"), h("dl", { key: "marked", class: "pairs" }, rows.map(([word, number]) => h("div", { key: word }, h("dt", null, word), h("dd", null, `${number} of ${all}, ${percent(number / all)}`))))];
}
