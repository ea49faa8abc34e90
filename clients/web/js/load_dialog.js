// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { FIELDS, originWord, shownValue } from "./load_fields.js";
import { modal } from "./modal.js";
import { noticeList } from "./notices.js";
import { bytes, modelParts, optionName } from "./text.js";

/** @typedef {import("./loading.js").Form} Form */
/** @typedef {import("./load_fields.js").Field} Field */

/** The Load form. @param {any} act @param {any} value @param {Form} form */
export function loadDialog(act, value, form) {
  const artifact = value.live.library.get(form.id);
  const title = artifact ? (value.names.get(artifact.model) ?? modelParts(artifact.model)[1]) : "this model";
  const busy = value.busy.has(`form:${form.id}`);
  const further = FIELDS.filter((field) => field.further);
  return modal(
    { key: "load", title: `Load ${title}`, wide: true, close: act.closeForm, notices: noticeList(act, value.notices) },
    artifact ? h("p", { class: "modal-sub" }, `${optionName(artifact)} · version ${artifact.version} · ${bytes(artifact.size_bytes)}`) : null,
    h(
      "form",
      {
        class: "load-form",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          act.load();
        },
      },
      h(
        "div",
        { class: "fields" },
        FIELDS.filter((field) => !field.further).map((field) => one(act, form, field)),
        h("details", { class: "further" }, h("summary", null, `More settings (${further.length})`), h("div", { class: "fields" }, further.map((field) => one(act, form, field)))),
      ),
      h("div", { class: "plan" }, memory(form), whole(form), notes(form)),
      buttons(act, form, busy, artifact),
    ),
  );
}

/** One field: what is in force, and the layer it comes from. @param {any} act @param {Form} form @param {Field} field */
function one(act, form, field) {
  const id = `load-${field.name}`;
  const typed = form.draft[field.name] ?? "";
  const effective = form.settings?.effective[field.name];
  const locked = form.settings?.locked.includes(field.name) ?? false;
  const fault = form.faults[field.name];
  const props = {
    id,
    disabled: locked,
    value: typed,
    "aria-describedby": `${id}-from`,
    "aria-invalid": fault ? "true" : null,
    oninput: (/** @type {any} */ event) => act.draft(field.name, event.currentTarget.value),
  };
  const inForce = effective ? shownValue(effective.value) : "…";
  return h(
    "div",
    { key: field.name, class: `field${fault ? " wrong" : ""}` },
    h("label", { for: id }, field.word),
    field.choices || field.kind === "switch"
      ? h("span", { class: "select" }, h("select", props, h("option", { value: "" }, inForce), (field.choices ?? ["on", "off"]).map((choice) => h("option", { key: choice, value: choice }, choice))), icon("chevron"))
      : h("input", { ...props, type: "text", inputmode: field.kind === "number" ? "numeric" : "text", placeholder: inForce, autocomplete: "off", spellcheck: "false" }),
    h(
      "p",
      { id: `${id}-from`, class: "from" },
      fault ? [icon("warn"), fault] : locked ? [icon("lock"), "Locked by the administrator"] : typed ? `For this load. ${field.hint}` : effective ? `${capital(originWord(effective.origin))}. ${field.hint}` : field.hint,
    ),
  );
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What it would take, as a bar and in words. @param {Form} form */
function memory(form) {
  const { estimate } = form;
  if (!estimate) return h("p", { class: "from" }, form.asking ? "Working out the memory…" : "");
  const parts = [
    { word: "Weights", size: estimate.weights_bytes, tone: "a" },
    { word: "Context", size: estimate.kv_bytes, tone: "b" },
    { word: "Computing", size: estimate.compute_bytes + estimate.overhead_bytes, tone: "c" },
  ];
  const whole = Math.max(estimate.total_bytes, estimate.available_bytes, 1);
  let at = 0;
  return h(
    "section",
    { class: `memory${estimate.fits ? "" : " over"}${form.asking ? " asking" : ""}`, "aria-label": "Memory" },
    h("p", { class: "memory-total", role: "status" }, h("strong", null, bytes(estimate.total_bytes)), ` of ${bytes(estimate.available_bytes)} available`),
    h(
      "svg",
      { class: "memory-bar", viewBox: "0 0 1000 12", preserveAspectRatio: "none", "aria-hidden": "true" },
      parts.map(({ word, size, tone }) => {
        const width = size ? Math.max(7, (1000 * size) / whole) : 0;
        const rect = h("rect", { key: word, class: tone, x: at.toFixed(1), y: "0", width: Math.max(0, width - 3).toFixed(1), height: "12" });
        at += width;
        return rect;
      }),
    ),
    h("dl", { class: "legend" }, parts.map(({ word, size, tone }) => h("div", { key: word }, h("dt", null, h("span", { class: `swatch ${tone}`, "aria-hidden": "true" }), word), h("dd", null, bytes(size))))),
    estimate.devices.map((device) => h("p", { key: device.id, class: "from" }, `${device.name}: ${bytes(device.needed_bytes)} of ${bytes(device.free_bytes)} free`)),
    h("p", { class: `memory-reason${estimate.fits ? "" : " bad"}` }, icon(estimate.fits ? "check" : "warn"), h("span", null, capital(estimate.reason))),
    estimate.evicts.length ? h("p", { class: "from" }, `${estimate.evicts.length === 1 ? "One running model is" : `${estimate.evicts.length} running models are`} unloaded for it.`) : null,
    h("p", { class: "from" }, BASIS[estimate.basis] ?? ""),
  );
}

/** @type {Record<string, string>} */
const BASIS = { formula: "Worked out from the model's shape.", "llama-fit-params": "Worked out by llama.cpp.", measured: "Corrected by what earlier loads took here." };

/** @param {Form} form */
function whole(form) {
  const fault = form.faults[""];
  return fault ? h("p", { class: "trouble", role: "alert" }, icon("warn"), h("span", null, fault)) : null;
}

/** @param {Form} form */
function notes(form) {
  const said = [...new Set([...(form.estimate?.notes ?? []), ...(form.settings?.notes ?? [])])];
  const running = form.plan?.running;
  return [
    running ? h("p", { key: "running", class: "note" }, icon("info"), h("span", null, "It runs so already: loading again starts nothing.")) : null,
    said.map((note) => h("p", { key: note, class: "note" }, icon("info"), h("span", null, note))),
    form.plan ? h("details", { key: "options", class: "command" }, h("summary", null, "What llama-server is told"), h("code", null, form.plan.options.join(" "))) : null,
  ];
}

/** @param {any} act @param {Form} form @param {boolean} busy @param {any} artifact */
function buttons(act, form, busy, artifact) {
  const drafted = Object.values(form.draft).some((text) => text.trim());
  const saved = Object.keys(form.settings?.saved ?? {}).length > 0;
  const refused = form.code === "not_enough_memory" || form.estimate?.fits === false;
  return h(
    "div",
    { class: "buttons" },
    saved ? h("button", { key: "forget", type: "button", class: "button plain", disabled: busy, onclick: () => act.forgetSaved() }, "Forget what is saved") : null,
    h("button", { key: "save", type: "button", class: "button", disabled: busy || !drafted, onclick: () => act.saveForm() }, "Save as default"),
    refused ? h("button", { key: "force", type: "button", class: "button danger", disabled: busy, onclick: () => act.load({ force: true }) }, "Load anyway") : null,
    h("button", { key: "load", type: "submit", class: "button primary", disabled: busy || artifact?.state !== "ok" || (refused && form.code === "not_enough_memory") }, icon("power"), "Load"),
  );
}
