// @ts-check
import { seconds } from "./activity_figures.js";
import { h, lazy } from "./dom.js";
import { icon } from "./icons.js";
import { instant, plural } from "./text.js";
import { markOf } from "./trial_words.js";

/** @type {Record<string, string>} */
const PREFERRED = { active: "Active preferred", candidate: "Candidate preferred", tie: "Marked equally good", both_bad: "Marked both bad" };
const CHOICES = /** @type {const} */ ([
  ["first", "1", "First is better"],
  ["second", "2", "Second is better"],
  ["tie", "3", "Equally good"],
  ["both_bad", "4", "Both are bad"],
]);

/** Requests with both answers, side by side where content is kept. @param {any} act @param {any} open */
export function pairsPane(act, open) {
  const { pairs, next, total } = open;
  return h(
    "section",
    { key: "pairs", class: "pane", "aria-label": "Side by side" },
    pairs === null ? h("p", { key: "wait", class: "from", role: "status" }, "Reading…") : h("p", { key: "sum", class: "from" }, total ? plural(total, "pair") : "There are no pairs yet."),
    h("ol", { key: "list", class: "pair-list" }, (pairs ?? []).map((/** @type {any} */ pair) => lazy(pair.n, pairRow, pair))),
    next ? h("p", { key: "more", class: "more" }, h("button", { type: "button", class: "button", onclick: act.morePairs }, "Show more pairs")) : null,
  );
}

/** @param {import("../types/daemon").Pair} pair */
function pairRow(pair) {
  const { content } = pair;
  return h(
    "li",
    { class: "pair", "data-pair": pair.n },
    h("p", { class: "record-name" }, h("strong", null, `Pair ${pair.n}`), h("time", { class: "from", datetime: pair.at }, instant(pair.at)), pair.mark ? h("span", { class: "badge small plain" }, icon("check"), PREFERRED[pair.mark]) : null, pair.exact === null ? null : h("span", { class: "from" }, pair.exact ? "same text" : pair.normalised ? "same but for writing" : "other text")),
    content ? h("p", { key: "question", class: "question" }, content.question) : null,
    h("div", { class: "sides" }, side("Active", pair.active, content?.active), side("Candidate", pair.candidate, content?.candidate)),
    content ? null : h("p", { key: "none", class: "from" }, pair.has_content ? "It is being marked blind: its answers are shown afterwards." : "Its content is not kept."),
  );
}

/** @param {string} word @param {import("../types/daemon").PairSide} one @param {string | undefined} text */
function side(word, one, text) {
  const facts = [one.completion_tokens === null || one.completion_tokens === undefined ? null : plural(one.completion_tokens, "token"), one.latency_s ? seconds(one.latency_s) : null, one.tokens_per_s ? `${one.tokens_per_s.toFixed(1)} tokens/s` : null, one.confidence ? `confidence ${one.confidence.toFixed(3)}` : null];
  return h(
    "div",
    { class: "side", role: "group", "aria-label": word },
    h("h3", null, word),
    h("p", { class: "facts" }, facts.filter(Boolean).map((fact) => h("span", { key: fact ?? "" }, fact))),
    one.error ? h("p", { key: "error", class: "trouble" }, icon("warn"), h("span", null, one.error.detail)) : null,
    Object.entries(one.checks ?? {}).map(([name, passed]) => h("span", { key: name, class: `badge small ${passed ? "ok" : "bad"}` }, icon(passed ? "check" : "cross"), `${name}: ${passed ? "passed" : "failed"}`)),
    text === undefined ? null : h("p", { key: "text", class: "answer" }, text),
  );
}

/** Two answers of which nobody here knows whose they are. @param {any} act @param {any} open @param {boolean} busy */
export function blindPane(act, open, busy) {
  const { blind, blindError, marked } = open;
  return h(
    "section",
    {
      key: "blind",
      class: "pane blind",
      tabindex: "-1",
      "aria-label": "Mark blind",
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const better = markOf(event);
        if (!better || !blind || /** @type {any} */ (event.target).closest("input, textarea, select")) return;
        event.preventDefault();
        act.markPair(better);
      },
    },
    h("p", { key: "said", class: "from", role: "status" }, [marked, blind ? `${plural(blind.left, "pair")} left to mark.` : ""].filter(Boolean).join(" ")),
    blindError ? h("p", { key: "none", class: "note" }, icon("info"), h("span", null, blindError)) : null,
    blind
      ? [
          h("p", { key: "question", class: "question" }, h("span", { class: "unseen" }, "Asked: "), blind.question),
          h("div", { key: "sides", class: "sides" }, answer("First", blind.first), answer("Second", blind.second)),
          h("div", { key: "buttons", class: "blind-buttons", role: "group", "aria-label": "Which is better", "data-focus-home": true }, CHOICES.map(([better, key, word]) => h("button", { key: better, type: "button", class: "button", "aria-keyshortcuts": key, "aria-disabled": busy ? "true" : null, onclick: () => act.markPair(better) }, h("kbd", { "aria-hidden": "true" }, key), word))),
          h("p", { key: "keys", class: "from" }, "Keys: 1 or ← for the first, 2 or → for the second, 3 for equally good, 4 for both bad. Whose is whose stays hidden until it is marked."),
        ]
      : !blindError && !busy
        ? h("p", { key: "wait", class: "from" }, "Reading…")
        : null,
  );
}

/** @param {string} word @param {string} text */
function answer(word, text) {
  return h("div", { class: "side", role: "group", "aria-label": word }, h("h3", null, word), h("p", { class: "answer", tabindex: "0", role: "group", "aria-label": `${word} answer` }, text));
}
