// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { modal } from "./modal.js";
import { noticeList } from "./notices.js";
import { bytes, formatName, plural } from "./text.js";

/** @type {Record<string, string>} */
const MODES = { link: "Share the bytes", copy: "Copy", move: "Move", reference: "Use it where it is" };
/** @type {Record<string, string>} */
const TOOLS = { "hugging-face": "Hugging Face", "lm-studio": "LM Studio", ollama: "Ollama", "llama.cpp": "llama.cpp", jan: "Jan", gpt4all: "GPT4All" };

/** Models from elsewhere. @param {any} act @param {any} adding @param {ReadonlySet<string>} busy @param {any[]} notices */
export function importDialog(act, adding, busy, notices) {
  return modal(
    { key: "adding", title: "Add a model", wide: true, close: act.closeAdding, notices: noticeList(act, notices) },
    line(act, adding, busy, { name: "address", word: "From an address", example: "hf:owner/name", hint: "A repository of Hugging Face, or the address of a file: https://…", submit: act.addAddress, verb: "Download" }),
    line(act, adding, busy, { name: "path", word: "From this computer", example: "~/models/some.gguf", hint: "A file or a folder", submit: act.addPath, verb: "Import" }, modeChoice(act, adding)),
    h("section", { class: "part" }, h("h3", null, "Found in other tools"), found(act, adding, busy)),
  );
}

/** Its button is never really disabled for want of words: Enter that comes before they are drawn would do nothing.
 * @param {any} act @param {any} adding @param {ReadonlySet<string>} busy @param {{name: string, word: string, example: string, hint: string, submit: () => void, verb: string}} what @param {any} [more] */
function line(act, adding, busy, { name, word, example, hint, submit, verb }, more) {
  const fault = adding.faults[name];
  const id = `add-${name}`;
  return h(
    "form",
    {
      class: `part field${fault ? " wrong" : ""}`,
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        submit();
      },
    },
    h("label", { for: id }, word),
    h(
      "span",
      { class: "add-line" },
      h("input", { id, type: "text", value: adding[name], placeholder: example, autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-hint`, "aria-invalid": fault ? "true" : null, oninput: (/** @type {any} */ event) => act.addDraft(name, event.currentTarget.value) }),
      more,
      h("button", { type: "submit", class: "button primary", disabled: busy.has(name), "aria-disabled": adding[name].trim() ? null : "true" }, verb),
    ),
    h("p", { id: `${id}-hint`, class: "from" }, fault ? [icon("warn"), fault] : hint),
  );
}

/** @param {any} act @param {any} adding */
function modeChoice(act, adding) {
  return h("span", { class: "select" }, h("select", { "aria-label": "How to import", value: adding.mode, onchange: (/** @type {any} */ event) => act.addDraft("mode", event.currentTarget.value) }, Object.entries(MODES).map(([mode, word]) => h("option", { key: mode, value: mode }, word))), icon("chevron"));
}

/** @param {any} act @param {any} adding @param {ReadonlySet<string>} busy */
function found(act, adding, busy) {
  const answer = adding.found;
  if (adding.faults.found) return h("p", { class: "trouble" }, icon("warn"), h("span", null, adding.faults.found));
  if (!answer) return h("p", { class: "from", role: "status" }, "Looking…");
  if (!answer.items.length) return h("p", { class: "from" }, "Other tools hold no models here.");
  return [
    h("p", { key: "sum", class: "from" }, [plural(answer.items.length, "model"), answer.wasted_bytes ? `${bytes(answer.wasted_bytes)} are there more than once` : null].filter(Boolean).join(" · ")),
    h(
      "ul",
      { key: "found", class: "options" },
      answer.items.map((/** @type {any} */ model) =>
        h(
          "li",
          { key: model.id },
          h("div", { class: "option-name" }, h("strong", null, TOOLS[model.tool] ?? model.tool), h("span", null, `${formatName(model.format)}, ${bytes(model.size_bytes)}`)),
          h("div", { class: "option-fit" }, h("span", null, model.model ?? model.name), h("code", { class: "from" }, model.where), adding.faults[model.id] ? h("p", { class: "reason too_large" }, adding.faults[model.id]) : null),
          model.library_id
            ? h("span", { class: "badge ok" }, icon("check"), model.shared ? "In use" : "Installed")
            : h("button", { type: "button", class: "button", disabled: busy.has(model.id) || !model.modes.length, "aria-label": `Import ${model.name}`, onclick: () => act.addFound(model, model.modes.includes("link") ? "link" : model.modes[0]) }, "Import"),
        ),
      ),
    ),
  ];
}
