// @ts-check
import { OUTCOMES, seconds } from "./activity_figures.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { modal } from "./modal.js";
import { bytes, instant, plural } from "./text.js";

const KINDS = { app: "Application", node: "Step of a workflow", model: "Model" };
const KEEPS = { preview: "A preview", whole: "The whole content" };
const REASONS = { "": "no reason", wrong: "it is wrong", format: "wrong format", unsafe: "unsafe", slow: "too slow", other: "another" };
const DAYS = { 7: "The last 7 days", 30: "The last 30 days", 365: "The last year", "": "All there are" };

/** The dialog that stands open, if there is one. @param {any} act @param {any} value */
export function recordDialog(act, value) {
  const { activity, busy, route } = value;
  const { dialog, detail } = activity;
  if (dialog?.kind === "audit") return auditDialog(act, dialog, busy.has("audit"));
  if (dialog?.kind === "purge") return purgeDialog(act, dialog, busy.has("purge"));
  if (dialog?.kind === "export") return exportDialog(act, dialog, busy.has("export"));
  return route.record && detail ? detailDialog(act, detail, busy.has(`record:${detail.id}`)) : null;
}

/** @param {string} fault */
const trouble = (fault) => (fault ? h("p", { key: "fault", class: "trouble", role: "alert" }, icon("warn"), h("span", null, fault)) : null);

/** @param {string} label @param {string} value @param {Record<string, string>} choices @param {(value: string) => void} choose @param {boolean} [unseen] */
export function choice(label, value, choices, choose, unseen = false) {
  const select = h("span", { class: "select" }, h("select", { "aria-label": label, value, onchange: (/** @type {any} */ event) => choose(event.currentTarget.value) }, Object.entries(choices).map(([key, word]) => h("option", { key, value: key }, word))), icon("chevron"));
  return unseen ? select : h("label", { class: "field" }, h("span", null, label), select);
}

/** @param {string} label @param {string} hint @param {boolean} checked @param {(checked: boolean) => void} change */
function toggle(label, hint, checked, change) {
  return h("label", { class: "setting" }, h("span", null, h("strong", null, label), h("small", null, hint)), h("input", { type: "checkbox", class: "switch", role: "switch", "aria-label": label, checked, onchange: () => change(!checked) }));
}

/** @param {string} label @param {Record<string, any>} props */
const field = (label, props) => h("label", { class: "field" }, h("span", null, label), h("input", { type: "text", autocomplete: "off", spellcheck: "false", ...props }));

/** @param {(event: Event) => void} run */
const submitting = (run) => (/** @type {Event} */ event) => {
  event.preventDefault();
  run(event);
};

/** Whose content is kept. @param {any} act @param {any} dialog @param {boolean} busy */
function auditDialog(act, dialog, busy) {
  const { rules, allowed, contents, fault } = dialog;
  return modal(
    { key: "audit", title: "Whose content is kept", wide: true, close: act.closeKeeping },
    h("p", { key: "why" }, "Records hold figures alone. Here content is kept too, for a while, of exactly what you name. No rule, no content."),
    allowed ? null : h("p", { key: "forbidden", class: "note" }, icon("lock"), h("span", null, "The configuration of this computer lets no content be kept (records.allow_content).")),
    h(
      "form",
      { key: "form", onsubmit: submitting(act.saveAudit) },
      rules === null ? h("p", { class: "from", role: "status" }, fault ? "" : "Reading…") : null,
      h(
        "ul",
        { class: "audit-rules" },
        rules?.map((/** @type {any} */ rule, /** @type {number} */ at) =>
          h(
            "li",
            { key: at },
            choice(`What rule ${at + 1} is about`, rule.kind, KINDS, (kind) => act.changeRule(at, { kind }), true),
            h("input", { type: "text", class: "text", value: rule.name, required: true, maxlength: "200", placeholder: rule.kind === "model" ? "publisher/name" : "name", "aria-label": `Name in rule ${at + 1}`, autocomplete: "off", spellcheck: "false", oninput: (/** @type {any} */ event) => act.changeRule(at, { name: event.currentTarget.value }) }),
            choice(`How much rule ${at + 1} keeps`, rule.keep, KEEPS, (keep) => act.changeRule(at, { keep }), true),
            h("label", { class: "days" }, "for ", h("input", { type: "number", min: "1", max: "3650", required: true, value: rule.days, "aria-label": `Days in rule ${at + 1}`, oninput: (/** @type {any} */ event) => act.changeRule(at, { days: event.currentTarget.value }) }), " days"),
            h("button", { type: "button", class: "button square", "aria-label": `Remove rule ${at + 1}`, onclick: () => act.dropRule(at) }, icon("trash")),
          ),
        ),
      ),
      rules ? h("button", { key: "add", type: "button", class: "button", disabled: !allowed, onclick: act.addRule }, "Add a rule") : null,
      contents ? h("p", { key: "contents", class: "from" }, `The content of ${plural(contents, "record")} is kept just now. What no rule covers any more is deleted when you save.`) : null,
      trouble(fault),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: act.closeKeeping }, "Cancel"), h("button", { type: "submit", class: "button primary", disabled: busy || rules === null || (!allowed && rules.length > 0) }, "Save")),
    ),
  );
}

/** @param {any} act @param {any} dialog @param {boolean} busy */
function purgeDialog(act, dialog, busy) {
  const { model, app, node, before, contentOnly, setAside, found, fault } = dialog;
  const all = !(model || app || node || before);
  const text = (/** @type {string} */ name) => ({ value: dialog[name], placeholder: "any", oninput: (/** @type {any} */ event) => act.changePurge({ [name]: event.currentTarget.value.trim() }) });
  return modal(
    { key: "purge", title: "Delete records", close: act.closeKeeping },
    h(
      "form",
      { key: "form", onsubmit: submitting(act.purge) },
      h(
        "div",
        { class: "fields" },
        field("Before the day", { type: "date", value: before, oninput: (/** @type {any} */ event) => act.changePurge({ before: event.currentTarget.value }) }),
        field("Of the model", text("model")),
        field("Of the application", text("app")),
        field("Of the step", text("node")),
      ),
      h("div", { class: "switches part" }, toggle("Only the content", "The figures stay", contentOnly, (checked) => act.changePurge({ contentOnly: checked })), toggle("Also databases that were set aside", "They could not be read when the daemon started", setAside, (checked) => act.changePurge({ setAside: checked }))),
      h("p", { class: "part preview", role: "status" }, icon("info"), h("span", null, found === null ? "Counting…" : preview(found, contentOnly, all))),
      trouble(fault),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: act.closeKeeping }, "Keep them"), h("button", { type: "submit", class: "button danger", disabled: busy || found === null || (found === 0 && !setAside) }, "Delete for good")),
    ),
  );
}

/** @param {number} found @param {boolean} contentOnly @param {boolean} all */
function preview(found, contentOnly, all) {
  if (!found) return "No record is like this: nothing would be deleted.";
  const which = `${all ? "All " : ""}${plural(found, "record")}`;
  return contentOnly ? `What is kept of the content of ${which.toLowerCase()} would be deleted for good; the figures stay.` : `${which} would be deleted for good, with whatever is kept of their content. Sums and plots lose them too.`;
}

/** @param {any} act @param {any} dialog @param {boolean} busy */
function exportDialog(act, dialog, busy) {
  const { days, k, rows, nameModels, preview: shown, written, fault } = dialog;
  return modal(
    { key: "export", title: "Export records", wide: true, close: act.closeKeeping },
    h("p", { key: "why" }, "A file on this computer with sums and, where you like, anonymised rows. It holds no content and no names, and nothing is sent anywhere."),
    h(
      "form",
      { key: "form", onsubmit: submitting(shown ? act.writeExport : act.previewExport) },
      h(
        "div",
        { class: "fields" },
        choice("Which records", days, DAYS, (value) => act.changeExport({ days: value })),
        field("Requests that a group must have", { type: "number", min: "2", max: "1000", required: true, value: k, oninput: (/** @type {any} */ event) => act.changeExport({ k: event.currentTarget.value }) }),
      ),
      h("div", { class: "switches part" }, toggle("Rows too", "Each request with coarsened times, not sums alone", rows, (checked) => act.changeExport({ rows: checked })), toggle("Name the models", "Those that a public catalog lists; others stay unnamed", nameModels, (checked) => act.changeExport({ nameModels: checked }))),
      shown ? exportPreview(act, shown, busy) : null,
      written ? h("p", { key: "written", class: "note", role: "status" }, icon("check"), h("span", null, "Written to ", h("code", null, `state/exports/${written.name}`), ` in the daemon's home (${bytes(written.size_bytes)}), for its owner alone.`)) : null,
      trouble(fault),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "button", onclick: act.closeKeeping }, written ? "Close" : "Cancel"),
        h("button", { key: shown ? "write" : "preview", type: "submit", class: `button${shown || !written ? " primary" : ""}`, disabled: busy }, shown ? "Write this file" : "Show what would be written"),
      ),
    ),
  );
}

/** @param {any} act @param {import("../types/daemon").ExportPreview} shown @param {boolean} busy */
function exportPreview(act, shown, busy) {
  return h(
    "section",
    { key: "shown", class: "part", "aria-label": "What would be written" },
    h("h3", null, "Exactly this would be written"),
    h("p", { class: "from", role: "status" }, [bytes(shown.size_bytes), plural(shown.groups, "group"), plural(shown.rows, "row"), shown.merged ? `${plural(shown.merged, "group")} too small and merged` : null, shown.left_out ? "some requests are left out" : null].filter(Boolean).join(" · ")),
    h("pre", { class: "export-text", tabindex: "0", "aria-label": "The file" }, shown.text),
    shown.whole ? null : h("p", { class: "note" }, icon("info"), h("span", null, "This is its beginning. "), h("button", { type: "button", class: "button small", disabled: busy, onclick: act.moreOfExport }, "Show more of it")),
    h("p", { class: "from" }, "SHA-256 ", h("code", null, shown.sha256)),
  );
}

/** @param {any} act @param {any} detail @param {boolean} busy */
function detailDialog(act, detail, busy) {
  const { record, content, error } = detail;
  return modal(
    { key: "record", title: "A request", wide: true, close: act.closeRecord },
    trouble(error),
    !record && !error ? h("p", { key: "wait", class: "from", role: "status" }, "Reading…") : null,
    record ? [h("dl", { key: "pairs", class: "pairs part" }, pairs(record).map(([word, what]) => h("div", { key: word }, h("dt", null, word), h("dd", null, what)))), marking(act, record, busy), contentPart(content)] : null,
  );
}

/** @param {import("../types/daemon").Record} record @returns {[string, any][]} */
function pairs(record) {
  /** @type {[string, any][]} */
  const all = [
    ["When", instant(record.at)],
    ["Came to", [h("code", { key: "route" }, record.route), record.streamed ? ", streamed" : ""]],
    ["Outcome", [OUTCOMES[record.outcome] ?? record.outcome, record.code ? `: ${record.code}` : "", record.status ? ` (${record.status})` : ""]],
    ["Model", record.model && `${record.model}${record.version ? `@${record.version}` : ""}${record.option ? `:${record.option}` : ""}`],
    ["Application", record.app && [record.app, record.app_version].filter(Boolean).join(" ")],
    ["Step", record.node],
    ["Prompt", record.prompt_tokens === null ? null : `${plural(record.prompt_tokens ?? 0, "token")}${record.cached_tokens ? `, ${record.cached_tokens} of them cached` : ""}`],
    ["Answer", record.completion_tokens === null ? null : plural(record.completion_tokens ?? 0, "token")],
    ["First token", record.ttft_s === null ? null : `after ${seconds(record.ttft_s)}`],
    ["Speed", record.tokens_per_s ? `${record.tokens_per_s.toFixed(1)} tokens/s` : null],
    ["Took", seconds(record.latency_s)],
    ["Ended by", record.finish_reason],
    ["Confidence", record.confidence === null || record.confidence === undefined ? null : record.confidence.toFixed(3)],
    ["Server", record.server_build],
    ["Settings", record.settings_digest],
    ["Files", record.option_digest],
    ["Id", h("code", null, record.id)],
  ];
  return all.filter(([, what]) => what !== null && what !== undefined && what !== "");
}

/** @param {any} act @param {any} record @param {boolean} busy */
function marking(act, record, busy) {
  return h(
    "section",
    { key: "marking", class: "part marking", "aria-label": "What you think of it" },
    h("h3", null, "What you think of the answer"),
    h("p", null, markButtons(act, record, busy), record.mark ? choice("Why", record.mark.reason ?? "", REASONS, (reason) => act.markRecord(record, record.mark.value, reason || null), true) : null),
  );
}

/** @param {any} act @param {any} record @param {boolean} busy */
export function markButtons(act, record, busy) {
  const one = (/** @type {"good" | "bad"} */ mark, /** @type {string} */ word) => {
    const on = record.mark?.value === mark;
    return h("button", { key: mark, type: "button", class: `button small mark ${mark}`, "aria-pressed": String(on), disabled: busy, "aria-label": `${word} answer`, onclick: () => act.markRecord(record, mark, on ? (record.mark.reason ?? null) : null) }, icon(mark === "good" ? "check" : "cross"), word);
  };
  return h("span", { class: "marks" }, one("good", "Good"), one("bad", "Bad"));
}

/** @param {any} content */
function contentPart(content) {
  if (!content) return h("p", { key: "none", class: "from part" }, "Nothing of what was asked or answered is kept.");
  return h(
    "section",
    { key: "content", class: "part", "aria-label": "Content" },
    h("p", { class: "note" }, icon("info"), h("span", null, `${content.keep === "whole" ? "The whole content" : "A preview"} is kept until ${instant(content.expires_at)}, because a rule says so.`)),
    content.too_long ? h("p", { class: "from" }, "It was longer than may be kept.") : null,
    content.request === null ? null : [h("h3", { key: "asked" }, "Asked"), h("pre", { key: "request", class: "kept", tabindex: "0", "aria-label": "What was asked" }, content.request)],
    content.answer === null ? null : [h("h3", { key: "said" }, "Answered"), h("pre", { key: "answer", class: "kept", tabindex: "0", "aria-label": "What was answered" }, content.answer)],
  );
}
