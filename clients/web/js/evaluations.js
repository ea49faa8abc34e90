// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { plural, since } from "./text.js";
import { modelWords } from "./trial_words.js";

/** @type {Record<string, {word: string, tone: string, icon: "play" | "pause" | "check" | "warn" | "stop"}>} */
const STATES = {
  queued: { word: "Waiting", tone: "plain", icon: "pause" },
  running: { word: "Running", tone: "ok", icon: "play" },
  completed: { word: "Completed", tone: "ok", icon: "check" },
  failed: { word: "Failed", tone: "bad", icon: "warn" },
  cancelled: { word: "Cancelled", tone: "plain", icon: "stop" },
};
const FORMATS = /** @type {const} */ ({ html: "Report as a page", md: "Markdown", json: "JSON" });

/** Models that answered a file of questions. @param {any} act @param {ReadonlyMap<string, any>} evaluations @param {ReadonlyMap<string, string>} names @param {ReadonlySet<string>} busy */
export function evaluationList(act, evaluations, names, busy) {
  const all = [...evaluations.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  return h(
    "section",
    { class: "evaluations", "aria-labelledby": "evaluations" },
    h("div", { class: "bar" }, h("h2", { id: "evaluations", class: "group" }, "Evaluations"), h("span", { class: "bar-buttons" }, h("button", { type: "button", class: "button", onclick: act.openEvaluation }, icon("play"), "Evaluate models…"))),
    all.length ? null : h("p", { class: "from" }, "None yet. ", h("code", null, "modelhub eval run --set questions.jsonl --models a b"), ", or the button here, has models answer a file of questions."),
    h("ul", { class: "rows" }, all.map((one) => row(act, one, names, busy.has(`evaluation:${one.id}`)))),
  );
}

/** @param {any} act @param {import("../types/daemon").Evaluation & {progress?: {done: number, total: number}}} one @param {ReadonlyMap<string, string>} names @param {boolean} busy */
function row(act, one, names, busy) {
  const state = STATES[one.state] ?? STATES.failed;
  const title = one.name ?? `Evaluation ${one.id}`;
  const going = one.state === "running" || one.state === "queued";
  const done = one.progress?.done ?? one.models.reduce((sum, model) => sum + (model.answered ?? 0), 0);
  const total = one.questions * one.models.length;
  return h(
    "li",
    { key: one.id, class: "row", "data-evaluation": one.id },
    h(
      "div",
      { class: "row-main" },
      h("div", { class: "title-line" }, h("div", { class: "who" }, h("h3", null, title)), h("span", { class: `badge ${state.tone}` }, icon(state.icon), state.word)),
      h("p", { class: "facts" }, [plural(one.questions, "question"), ...one.models.map((model) => modelWords(model, names)), since(one.created_at)].map((fact, at) => h("span", { key: at }, fact))),
      going ? h("div", { key: "progress", class: "progress" }, h("p", { class: "progress-words" }, h("span", null, `${done.toLocaleString("en")} of ${plural(total, "answer")}`)), h("progress", { max: total, value: done, "aria-label": `Progress of ${title}` })) : null,
      one.error ? h("p", { key: "error", class: "trouble" }, icon("warn"), h("span", null, one.error.detail)) : null,
      done ? h("p", { key: "reports", class: "reports" }, Object.entries(FORMATS).map(([format, word]) => h("button", { key: format, type: "button", class: "button small", disabled: busy, "aria-label": `${word} of ${title}`, onclick: () => act.report(one, format) }, icon("down"), word))) : null,
    ),
    h(
      "div",
      { class: "row-buttons", "data-focus-home": true },
      going
        ? h("button", { key: "cancel", type: "button", class: "button", disabled: busy, "aria-label": `Stop ${title}`, onclick: () => act.evaluationVerb("cancel", one) }, icon("stop"), "Stop")
        : [
            one.state === "completed" ? null : h("button", { key: "resume", type: "button", class: "button", disabled: busy, "aria-label": `Resume ${title}`, onclick: () => act.evaluationVerb("resume", one) }, icon("play"), "Resume"),
            h("button", { key: "remove", type: "button", class: "button square", disabled: busy, "aria-label": `Remove ${title}`, onclick: () => act.removeEvaluation(one, title) }, icon("trash")),
          ],
    ),
  );
}
