// @ts-check
import { h } from "./dom.js";
import { questionsIn } from "./evaluating.js";
import { icon } from "./icons.js";
import { modal } from "./modal.js";
import { plural } from "./text.js";
import { submitting, switchOf, trouble } from "./trial_dialogs.js";
import { contenders } from "./trialing.js";

/** The same file is read again when it is chosen again. @param {any} event */
const again = ({ currentTarget }) => void (currentTarget.value = "");

/** The form that begins an evaluation, while it is open. @param {any} act @param {any} value */
export function evaluationForm(act, value) {
  const { form } = value.evaluating;
  if (!form) return null;
  const { draft, faults } = form;
  const models = contenders(value.live.library.values(), value.names);
  /** @param {string} name @param {string} word @param {string} hint @param {any} props @param {string} [field] as the daemon names it */
  const one = (name, word, hint, props, field = name) => {
    const id = `evaluation-${name}`;
    const fault = faults[field];
    return h("div", { key: name, class: `field${fault ? " wrong" : ""}` }, h("label", { for: id }, word), h("input", { id, autocomplete: "off", "aria-describedby": `${id}-hint`, "aria-invalid": fault ? "true" : null, ...props }), h("p", { id: `${id}-hint`, class: "from" }, fault ? [icon("warn"), fault] : hint));
  };
  const file = (/** @type {"set" | "checks"} */ field, /** @type {string} */ accept) => ({ type: "file", accept, onclick: again, onchange: (/** @type {any} */ event) => act.readInto(field, event.currentTarget.files[0]) });
  return modal(
    { key: "start-evaluation", title: "Evaluate models", wide: true, close: act.closeEvaluation },
    h("p", { key: "why" }, "Each model answers every question, one model after the other, with the same settings. Checks and figures say how they differ. Questions and answers stay on this computer."),
    h(
      "form",
      { key: "form", class: "part", onsubmit: submitting(act.startEvaluation) },
      h(
        "div",
        { class: "fields wide-fields" },
        one("set", "Questions, as JSONL", draft.set ? `${draft.setName}: ${plural(questionsIn(draft.set), "question")}` : 'A line each, such as {"prompt": "Why is the sky blue?"}', file("set", ".jsonl,.ndjson,.json,.txt")),
        one("checks", "Checks, as YAML or JSON (optional)", draft.checks ? draft.checksName : "What an answer must be: docs/evaluation.md", file("checks", ".yaml,.yml,.json")),
        one("name", "Name (optional)", "For you to know it by", { type: "text", value: draft.name, oninput: (/** @type {any} */ event) => act.draftEvaluation({ name: event.currentTarget.value }) }),
        one("tokens", "Tokens of an answer, at most", "Longer answers are cut", { type: "text", inputmode: "numeric", value: draft.tokens, oninput: (/** @type {any} */ event) => act.draftEvaluation({ tokens: event.currentTarget.value }, "sampling") }, "sampling"),
      ),
      choices(act, draft.models, models, faults.models),
      switchOf("Make room", "Unload idle models of others where memory is short", draft.evict, (on) => act.draftEvaluation({ evict: on })),
      trouble(faults[""]),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: act.closeEvaluation }, "Cancel"), h("button", { type: "submit", class: "button primary", disabled: value.busy.has("evaluation") }, icon("play"), "Begin")),
    ),
  );
}

/** @param {any} act @param {string[]} chosen @param {[string, string][]} models @param {string | undefined} fault */
function choices(act, chosen, models, fault) {
  return h(
    "fieldset",
    { class: "choices", "aria-describedby": "evaluation-models-hint" },
    h("legend", null, "Models"),
    models.length ? null : h("p", { key: "none" }, "None is installed. ", h("a", { href: "#/browse" }, "Find one")),
    models.map(([id, word]) => h("label", { key: id, class: "facet" }, h("input", { type: "checkbox", checked: chosen.includes(id), onchange: () => act.toggleModel(id) }), h("span", { class: "value" }, chosen.length > 1 && chosen[0] === id ? `${word}: the others are compared with it` : word))),
    h("p", { id: "evaluation-models-hint", class: "from" }, "The first that you choose is what the others are compared with"),
    trouble(fault),
  );
}
