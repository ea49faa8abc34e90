// @ts-check
/** Fields of forms, and the dialog that asks for a few of them. */
import { h, mount } from "../../js/dom.js";
import { icon } from "../../js/icons.js";
import { prose, sends } from "./pieces.js";

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} [hint]
 * @property {"text" | "secret" | "area" | "select" | "checks"} [kind]
 * @property {[string, string][]} [options] of a selection or of checks: value and word
 * @property {string} [value]
 * @property {boolean} [required]
 * @property {number} [most] characters
 * @property {boolean} [code] in a typewriter's letters
 */

/** @param {Field} field @param {string} value @param {(value: string) => void} typed @param {string} [fault] */
export function input(field, value, typed, fault) {
  const id = `field-${field.name}`;
  const described = [field.hint ? `${id}-hint` : "", fault ? `${id}-fault` : ""].filter(Boolean).join(" ") || null;
  const common = { id, name: field.name, value, required: field.required, maxlength: field.most, class: field.code ? "code" : null, "aria-describedby": described, "aria-invalid": fault ? "true" : null, oninput: (/** @type {any} */ event) => typed(event.currentTarget.value) };
  return h(
    "div",
    { key: field.name, class: "entry-field" },
    h("label", { for: id }, field.label, field.required ? null : h("span", { class: "optional" }, " optional")),
    field.kind === "area"
      ? h("textarea", { ...common, rows: field.code ? 14 : 3, spellcheck: field.code ? "false" : "true" })
      : field.kind === "select"
        ? h("span", { class: "select" }, h("select", { ...common, oninput: null, onchange: common.oninput }, (field.options ?? []).map(([one, word]) => h("option", { key: one, value: one }, word))), icon("chevron"))
        : h("input", { type: field.kind === "secret" ? "password" : "text", autocomplete: "off", spellcheck: "false", ...common }),
    field.hint ? h("p", { id: `${id}-hint`, class: "hint" }, prose(field.hint)) : null,
    fault ? h("p", { id: `${id}-fault`, class: "trouble" }, icon("warn"), h("span", null, fault)) : null,
  );
}

/** Checks of which any number may be set; their value is the list of those, apart by blanks.
 * @param {Field} field @param {string} value @param {(value: string) => void} typed @param {string} [fault] */
function checks(field, value, typed, fault) {
  const chosen = new Set(value.split(" ").filter(Boolean));
  return h(
    "fieldset",
    { key: field.name, class: "entry-field" },
    h("legend", null, field.label),
    (field.options ?? []).map(([one, word]) =>
      h(
        "label",
        { key: one, class: "check" },
        h("input", {
          type: "checkbox",
          checked: chosen.has(one),
          onchange: (/** @type {any} */ event) => {
            if (event.currentTarget.checked) chosen.add(one);
            else chosen.delete(one);
            typed([...chosen].join(" "));
          },
        }),
        h("span", null, word),
      ),
    ),
    field.hint ? h("p", { class: "hint" }, prose(field.hint)) : null,
    fault ? h("p", { class: "trouble", role: "alert" }, icon("warn"), h("span", null, fault)) : null,
  );
}

/** Go to the first field that was refused: what is wrong with it is read out there. @param {ParentNode} within */
export function toFault(within) {
  /** @type {HTMLElement | null} */ (within.querySelector('[aria-invalid="true"]'))?.focus();
}

/**
 * Ask in a dialog, which stays open and says why while the registry refuses. Answers what `submit` gave, also to
 * who closed it meanwhile: what was asked of the registry is not taken back by that. Undefined when nothing was asked.
 * @template T
 * @param {{title: string, text?: string, body?: import("../../js/dom.js").Child, fields?: Field[], confirm: string, danger?: boolean, keep?: string, submit: (values: Record<string, string>) => Promise<T>}} question
 * @returns {Promise<T | undefined>}
 */
export function ask({ title, text, body = null, fields = [], confirm, danger = false, keep = "Cancel", submit }) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "dialog-title");
    if (text || body) dialog.setAttribute("aria-describedby", "dialog-text");
    dialog.className = body || fields.length ? "wide" : "";
    const render = mount(dialog);
    /** @type {Record<string, string>} */
    const values = Object.fromEntries(fields.map((field) => [field.name, field.value ?? ""]));
    /** @type {Record<string, string>} */
    let faults = {};
    let [fault, busy] = ["", false];
    /** @type {T | undefined} */
    let answer;
    /** What was asked of the registry and is not answered yet. @type {Promise<void>} */
    let asked = Promise.resolve();
    const typed = (/** @type {string} */ name) => (/** @type {string} */ value) => {
      values[name] = value;
      delete faults[name];
      show();
    };

    function sent(/** @type {Event} */ event) {
      event.preventDefault();
      if (!busy) asked = send();
    }

    async function send() {
      [fault, faults, busy] = ["", {}, true];
      show();
      try {
        answer = await submit({ ...values });
        dialog.close();
      } catch (error) {
        busy = false;
        ({ fault, faults } = refusal(error, fields));
        show();
        toFault(dialog);
      }
    }

    function show() {
      render(
        h(
          "form",
          { onsubmit: sent },
          h("h2", { id: "dialog-title" }, title),
          text || body ? h("div", { id: "dialog-text" }, text ? h("p", null, text) : null, body) : null,
          fields.map((field) => (field.kind === "checks" ? checks(field, values[field.name], typed(field.name), faults[field.name]) : input(field, values[field.name], typed(field.name), faults[field.name]))),
          fault ? h("p", { class: "trouble", role: "alert" }, icon("warn"), h("span", null, fault)) : null,
          h(
            "div",
            { class: "buttons" },
            h("button", { type: "button", class: "button", autofocus: fields.length === 0, onclick: () => dialog.close() }, keep),
            sends(confirm, busy, danger ? "danger" : "primary"),
          ),
        ),
      );
    }

    dialog.addEventListener("close", async () => {
      dialog.remove();
      if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true }); // its button went meanwhile
      await asked;
      resolve(answer);
    });
    show();
    document.body.append(dialog);
    dialog.showModal();
    if (fields.length) /** @type {any} */ (dialog.querySelector("input, textarea, select"))?.focus();
  });
}

/** What was refused, told apart by field where the registry names one. @param {any} error @param {{name: string}[]} fields */
export function refusal(error, fields) {
  /** @type {Record<string, string>} */
  const faults = {};
  for (const { pointer, detail } of error.errors ?? []) {
    const name = String(pointer).split("/")[1];
    if (fields.some((field) => field.name === name)) faults[name] ??= detail;
  }
  return { faults, fault: Object.keys(faults).length ? "" : error instanceof Error ? error.message : String(error) };
}
