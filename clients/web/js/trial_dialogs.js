// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { modal } from "./modal.js";
import { VERDICTS, figureWord, modelWords } from "./trial_words.js";
import { contenders } from "./trialing.js";

const WHEN = { idle: "When nobody needs the machine", parallel: "Beside the active one, where memory allows" };

/** The dialog that stands open, if there is one. @param {any} act @param {any} value */
export function trialDialog(act, value) {
  const { dialog } = value.trialing;
  const busy = value.busy.has("trial");
  if (dialog?.kind === "start") return startDialog(act, dialog, contenders(value.live.library.values(), value.names), busy);
  if (dialog?.kind === "promote") return promoteDialog(act, dialog, value.names, busy);
  return dialog?.kind === "remove" ? removeDialog(act, dialog, value.names, busy) : null;
}

/** @param {string | undefined} fault */
export const trouble = (fault) => (fault ? h("p", { key: "fault", class: "trouble", role: "alert" }, icon("warn"), h("span", null, fault)) : null);

/** @param {() => void} run */
export const submitting = (run) => (/** @type {Event} */ event) => {
  event.preventDefault();
  run();
};

/** @param {any} act @param {any} dialog @param {[string, string][]} models @param {boolean} busy */
function startDialog(act, dialog, models, busy) {
  const { draft, faults } = dialog;
  /** @param {string} name @param {string} word @param {string} hint @param {(props: any) => any} control @param {string} [field] as the daemon names it */
  const one = (name, word, hint, control, field = name) => {
    const fault = faults[field];
    const props = { id: `trial-${name}`, value: draft[name], "aria-describedby": `trial-${name}-hint`, "aria-invalid": fault ? "true" : null };
    return h("div", { key: name, class: `field${fault ? " wrong" : ""}` }, h("label", { for: `trial-${name}` }, word), control(props), h("p", { id: `trial-${name}-hint`, class: "from" }, fault ? [icon("warn"), fault] : hint));
  };
  const typed = (/** @type {string} */ name) => (/** @type {any} */ event) => act.draftStart(name, event.currentTarget.value);
  const chosen = (/** @type {string} */ name, /** @type {[string, string][]} */ choices) => (/** @type {any} */ props) => h("span", { class: "select" }, h("select", { ...props, onchange: typed(name) }, choices.map(([key, word]) => h("option", { key, value: key }, word))), icon("chevron"));
  const number = (/** @type {string} */ name) => (/** @type {any} */ props) => h("input", { ...props, type: "text", inputmode: "numeric", autocomplete: "off", oninput: typed(name) });
  return modal(
    { key: "start-trial", title: "Start a trial", wide: true, close: act.closeTrialDialog },
    h("p", { key: "why" }, "The active model goes on answering, at its own speed. The candidate is given the same requests; nobody sees its answers but you."),
    models.length < 2 ? h("p", { key: "few", class: "note" }, icon("info"), h("span", null, "It takes two models that are installed: another version, another quantization or another model.")) : null,
    h(
      "form",
      { key: "form", class: "part", onsubmit: submitting(act.startTrial) },
      h(
        "div",
        { class: "fields wide-fields" },
        one("active", "Active: who answers", "Its requests are sampled", chosen("active", [["", "Choose…"], ...models])),
        one("candidate", "Candidate: who is tried", "To be promoted it has to be of the same model", chosen("candidate", [["", "Choose…"], ...models])),
        one("sample", "Requests sampled, in %", "100 is every request", number("sample")),
        one("when", "When the candidate answers", "It makes way for everybody", chosen("when", Object.entries(WHEN))),
        one("keep", "Pairs whose content is kept", "For looking and blind marks; encrypted, until the trial ends. 0 keeps none", number("keep")),
        one("pending", "Requests that may wait", "What comes beyond is not sampled", number("pending"), "max_pending"),
        one("pairs", "Pairs until it pauses", "Resumed, it takes as many again", number("pairs"), "max_pairs"),
      ),
      one("checks", "Checks, as YAML (optional)", "As for modelhub eval run --checks: both answers of each pair are checked", (props) => h("textarea", { ...props, rows: "3", spellcheck: "false", oninput: typed("checks") })),
      Number(draft.keep) > 0 ? h("p", { key: "kept", class: "note" }, icon("lock"), h("span", null, "Questions and answers of these pairs are kept on this computer until the trial ends.")) : null,
      trouble(faults[""]),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: act.closeTrialDialog }, "Cancel"), h("button", { type: "submit", class: "button primary", disabled: busy }, icon("play"), "Start")),
    ),
  );
}

/** @param {any} act @param {any} dialog @param {ReadonlyMap<string, string>} names @param {boolean} busy */
function promoteDialog(act, dialog, names, busy) {
  const { trial, now, faults } = dialog;
  const worse = trial.evidence?.figures?.filter((/** @type {any} */ one) => one.verdict === "worse") ?? [];
  return modal(
    { key: "promote", title: "Promote the candidate?", close: act.closeTrialDialog },
    h("p", null, `${modelWords(trial.candidate, names)} takes the place of ${modelWords(trial.active, names)} under the same name, with its settings. The old one is kept, and Installed can go back to it.`),
    h("ul", { class: "lines words part" }, (trial.evidence?.words ?? []).slice(0, 4).map((/** @type {string} */ word) => h("li", { key: word }, word))),
    worse.length ? h("p", { key: "worse", class: "trouble" }, icon("warn"), h("span", null, `${VERDICTS.worse.word} by now: ${worse.map((/** @type {any} */ one) => figureWord(one.figure).toLowerCase()).join(", ")}.`)) : null,
    h(
      "form",
      { key: "form", onsubmit: submitting(act.promoteTrial) },
      switchOf("Switch now", "Who uses the old one is given the new one once it is ready; else from the next load on", now, (on) => act.chooseTrial({ now: on })),
      trouble(faults[""] ?? Object.values(faults)[0]),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", autofocus: true, onclick: act.closeTrialDialog }, "Keep as it is"), h("button", { type: "submit", class: "button primary", disabled: busy }, "Promote")),
    ),
  );
}

/** @param {any} act @param {any} dialog @param {ReadonlyMap<string, string>} names @param {boolean} busy */
function removeDialog(act, dialog, names, busy) {
  const { trial, candidateToo, faults } = dialog;
  return modal(
    { key: "remove-trial", title: "Remove the trial?", close: act.closeTrialDialog },
    h("p", null, `Its figures, and whatever content it keeps, are deleted; a line of what was decided stays. ${modelWords(trial.active, names)} is not touched.`),
    h(
      "form",
      { key: "form", onsubmit: submitting(act.removeTrial) },
      trial.state === "promoted" ? null : h("div", { class: "part" }, switchOf("Delete the candidate's files too", modelWords(trial.candidate, names), candidateToo, (on) => act.chooseTrial({ candidateToo: on }))),
      trouble(faults[""] ?? Object.values(faults)[0]),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", autofocus: true, onclick: act.closeTrialDialog }, "Keep as it is"), h("button", { type: "submit", class: "button danger", disabled: busy }, "Remove")),
    ),
  );
}

/** @param {string} label @param {string} hint @param {boolean} on @param {(on: boolean) => void} change */
export function switchOf(label, hint, on, change) {
  return h("label", { class: "setting" }, h("span", null, h("strong", null, label), h("small", null, hint)), h("input", { type: "checkbox", class: "switch", role: "switch", "aria-label": label, checked: on, onchange: () => change(!on) }));
}
