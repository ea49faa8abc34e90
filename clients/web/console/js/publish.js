// @ts-check
import { h } from "../../js/dom.js";
import { icon } from "../../js/icons.js";
import { input } from "./forms.js";
import { issueList, issueWords } from "./issues.js";
import { badge, button, heading, link, panel, sends } from "./pieces.js";
import { publishersOf } from "./rights.js";
import { modelAddress } from "./routes.js";

const FORM = "publish";
const EXAMPLE = `{
  "id": "acme/tiny",
  "display_name": "Tiny",
  "options": [{ "id": "gguf-q4_k_m", "format": "gguf", "files": [
    { "name": "tiny.gguf", "size_bytes": 1000, "sha256": "…", "urls": ["https://…/tiny.gguf"] }] }]
}`;

export function needs() {
  return [];
}

/** The entry that a text holds, or why it holds none. @param {string} text @returns {{entry: any, fault: string}} */
export function entryIn(text) {
  if (!text.trim()) return { entry: null, fault: "" };
  try {
    const entry = JSON.parse(text);
    if (entry === null || typeof entry !== "object" || Array.isArray(entry)) return { entry: null, fault: "An entry is one object in braces." };
    return { entry, fault: "" };
  } catch (error) {
    return { entry: null, fault: `This is no JSON: ${error instanceof Error ? error.message : error}` };
  }
}

/** Publish a version by its entry. @param {any} act @param {any} value */
export function publish(act, value) {
  const { me } = value;
  const draft = value.drafts[FORM] ?? {};
  const { entry, fault } = entryIn(draft.entry ?? "");
  const model = (draft.model ?? "").trim() || (typeof entry?.id === "string" ? entry.id : "");
  const ready = Boolean(entry && model) && !value.busy.has(FORM);
  const names = publishersOf(me).map((name) => `${name}/…`).join(" or ");
  return [
    heading("Publish"),
    h(
      "div",
      { key: "split", class: "split" },
      h(
        "div",
        { class: "split-main" },
        draft.done ? done(act, draft.done) : null,
        panel(
          "A version",
          h("label", { class: "button file" }, icon("box"), "Open a file", h("input", { type: "file", accept: ".json,application/json", class: "unseen", onchange: (/** @type {any} */ event) => act.openFile(FORM, event.currentTarget) })),
          h(
            "form",
            {
              onsubmit: (/** @type {Event} */ event) => {
                event.preventDefault();
                if (ready) act.publish(FORM, model, entry);
              },
            },
            input({ name: "entry", label: "Entry", kind: "area", code: true, required: true, hint: "The JSON of the model: its id, its options and their files. `modelhub registry publish` makes one from a file." }, draft.entry ?? "", (text) => act.draft(FORM, "entry", text), fault),
            input({ name: "model", label: "Model", most: 129, hint: `${names}; without it the entry's own id.` }, draft.model ?? "", (text) => act.draft(FORM, "model", text)),
            draft.fault && !draft.errors?.length ? h("p", { key: "fault", class: "trouble", role: "alert" }, icon("warn"), h("span", null, draft.fault)) : null,
            draft.errors?.length ? h("div", { key: "errors", role: "alert" }, h("ul", { class: "issues" }, draft.errors.map((/** @type {any} */ one, /** @type {number} */ index) => h("li", { key: index, class: "bad" }, h("span", { class: "badge bad" }, icon("cross"), "Refused"), h("div", null, h("p", null, one.detail), h("p", { class: "where" }, h("code", null, one.pointer))))))) : null,
            h("div", { key: "buttons", class: "buttons even" }, sends(model && entry ? `Publish ${model}` : "Publish", !ready)),
          ),
        ),
      ),
      h("aside", { class: "split-side" }, panel("What happens", null, h("ol", { class: "steps" }, h("li", null, "The registry checks the entry and keeps it as the next version, pending."), h("li", null, "Another person reviews what it changes."), h("li", null, "Once approved, machines may have it. Nothing is uploaded: files stay where their addresses say.")), h("pre", { class: "example", tabindex: "0", "aria-label": "An example" }, h("code", null, EXAMPLE)))),
    ),
  ];
}

/** @param {any} act @param {any} done */
function done(act, { model, version, issues }) {
  return h(
    "div",
    { key: "done", role: "status" },
    panel(`${model} version ${version} is published`, badge("accent", "question", "Pending"), h("p", null, "It waits for another person's review. ", issues.length ? `Noticed: ${issueWords(issues)}.` : ""), issues.length ? issueList(issues) : null, h("div", { class: "buttons even" }, link(modelAddress(model), "Show the model"), button("Publish another", () => act.undraft(FORM)))),
  );
}
