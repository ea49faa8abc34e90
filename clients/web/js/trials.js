// @ts-check
/** The Trials tab: candidates beside the active models, what was decided, and evaluations. */
import { h, lazy } from "./dom.js";
import { evaluationForm } from "./evaluation_form.js";
import { evaluationList } from "./evaluations.js";
import { evidencePane } from "./evidence.js";
import { icon } from "./icons.js";
import { plural, since } from "./text.js";
import { trialDialog } from "./trial_dialogs.js";
import { blindPane, pairsPane } from "./trial_pairs.js";
import { STATES, countWords, modelWords } from "./trial_words.js";

const PANES = /** @type {const} */ ([
  ["evidence", "Evidence"],
  ["pairs", "Side by side"],
  ["blind", "Mark blind"],
]);

/** @param {any} act @param {any} value */
export function show(act, value) {
  const { live, route, names, busy, trialing } = value;
  const all = [...live.trials.values()].sort((a, b) => Number(a.state === "promoted") - Number(b.state === "promoted") || (a.created_at < b.created_at ? 1 : -1));
  return h(
    "div",
    { class: "content only trials" },
    h("h1", { class: "unseen" }, "Trials"),
    h(
      "div",
      { class: "bar" },
      h("p", { class: "summary", role: "status" }, live.known ? summary(all) : "Reading…"),
      h("span", { class: "bar-buttons" }, h("button", { type: "button", class: "button primary", onclick: act.openStart }, icon("play"), "Start a trial…")),
    ),
    live.known && !all.length
      ? h("div", { key: "empty", class: "empty" }, h("p", null, "A trial gives a candidate what the active model is asked, afterwards or beside it. Only the active model's answers are ever used, and figures say which is better."), h("button", { type: "button", class: "button", onclick: act.openStart }, "Start one"))
      : null,
    h(
      "ul",
      { key: "rows", class: "rows" },
      all.map((trial) => lazy(trial.id, row, act, trial, names, busy.has(`trial:${trial.id}`), route.trial === trial.id ? trialing.open : null, route.trial === trial.id && busy.has(`blind:${trial.id}`))),
    ),
    lazy("decisions", decisions, trialing.decisions, names),
    lazy("evaluations", evaluationList, act, live.evaluations, names, busy),
    trialDialog(act, value),
    evaluationForm(act, value),
  );
}

/** @param {any[]} all */
function summary(all) {
  const going = all.filter((trial) => trial.state !== "promoted");
  return going.length ? plural(going.length, "trial") : "No trial is running";
}

/** @param {any} act @param {import("../types/daemon").Trial} trial @param {ReadonlyMap<string, string>} names @param {boolean} busy @param {any} open @param {boolean} marking */
function row(act, trial, names, busy, open, marking) {
  const title = `${modelWords(trial.candidate, names)} beside ${modelWords(trial.active, names)}`;
  const state = STATES[trial.state] ?? STATES.paused;
  const why = trial.reason ?? trial.waits_for;
  const trouble = trial.reason && !["by_hand", "enough_pairs"].includes(trial.reason.code);
  return h(
    "li",
    { class: "row server-row trial", "data-trial": trial.id },
    h(
      "div",
      { class: "server-head" },
      h(
        "div",
        { class: "row-main" },
        h(
          "div",
          { class: "title-line" },
          h("div", { class: "who" }, h("h2", null, modelWords(trial.candidate, names)), h("p", { class: "publisher" }, `beside ${modelWords(trial.active, names)} of ${trial.active.model}, ${trial.from_update ? "before an update, " : ""}begun ${since(trial.created_at)}`)),
          h("span", { class: `badge ${state.tone}` }, icon(state.icon), h("span", { role: "status" }, state.word)),
        ),
        h("p", { class: "facts" }, countWords(trial).map((fact) => h("span", { key: fact }, fact))),
        why ? h("p", { key: "why", class: trouble ? "trouble" : "note" }, icon(trouble ? "warn" : "info"), h("span", null, trial.state === "running" ? `Waits: ${why.detail}` : why.detail)) : null,
        (trial.notes ?? []).map((note) => h("p", { key: note, class: "note" }, icon("info"), h("span", null, note))),
      ),
      h("div", { class: "row-buttons", "data-focus-home": true }, buttons(act, trial, title, busy)),
    ),
    h(
      "div",
      { class: "pane-buttons" },
      PANES.map(([pane, word]) => {
        const on = open?.pane === pane;
        return h("button", { key: pane, type: "button", class: "button small", "aria-expanded": String(on), "aria-label": `${word}: ${title}`, onclick: () => act.trialPane(on ? null : trial.id, pane) }, word);
      }),
    ),
    open?.error ? h("p", { key: "error", class: "trouble", role: "alert" }, icon("warn"), h("span", null, open.error)) : null,
    open?.pane === "evidence" ? evidencePane(open.trial) : null,
    open?.pane === "pairs" ? pairsPane(act, open) : null,
    open?.pane === "blind" ? blindPane(act, open, marking) : null,
  );
}

/** @param {any} act @param {import("../types/daemon").Trial} trial @param {string} title @param {boolean} busy */
function buttons(act, trial, title, busy) {
  const remove = h("button", { key: "remove", type: "button", class: "button danger quiet", disabled: busy, "aria-label": `Remove the trial of ${title}`, onclick: () => act.openRemove(trial) }, icon("trash"), "Remove…");
  if (trial.state === "promoted") return [h("a", { key: "back", class: "button", href: `#/installed?q=${encodeURIComponent(trial.active.model)}` }, "Go back…"), remove];
  return [
    trial.state === "running"
      ? h("button", { key: "pause", type: "button", class: "button", disabled: busy, "aria-label": `Pause the trial of ${title}`, onclick: () => act.trialVerb("pause", trial) }, icon("pause"), "Pause")
      : h("button", { key: "resume", type: "button", class: "button", disabled: busy, "aria-label": `Resume the trial of ${title}`, onclick: () => act.trialVerb("resume", trial) }, icon("play"), "Resume"),
    h("button", { key: "promote", type: "button", class: "button primary", disabled: busy, "aria-label": `Promote ${title}`, onclick: () => act.openPromote(trial) }, icon("check"), "Promote…"),
    remove,
  ];
}

/** What was decided, and on what. @param {readonly import("../types/daemon").TrialDecision[]} list @param {ReadonlyMap<string, string>} names */
function decisions(list, names) {
  if (!list.length) return h("div", { class: "no-decisions" });
  return h(
    "details",
    { class: "panel" },
    h("summary", null, h("h2", { class: "group" }, "Decided"), h("span", { class: "panel-sum" }, plural(list.length, "decision"))),
    h(
      "ul",
      { class: "rows" },
      list.map((one) =>
        h(
          "li",
          { key: one.trial + one.at, class: "decision" },
          h("p", null, h("strong", null, one.decision === "promoted" ? "Promoted: " : "Removed: "), `${modelWords(one.candidate, names)} beside ${modelWords(one.active, names)}`),
          h("p", { class: "facts" }, [since(one.at), `by ${one.by}`, plural(one.counts.pairs ?? 0, "pair")].map((fact) => h("span", { key: fact }, fact))),
          h("ul", { class: "lines from" }, (one.evidence.words ?? []).slice(0, 3).map((word) => h("li", { key: word }, word))),
        ),
      ),
    ),
  );
}
