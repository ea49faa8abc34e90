// @ts-check
import { h } from "../../js/dom.js";
import { icon } from "../../js/icons.js";
import { UNKNOWN } from "./data.js";
import { input } from "./forms.js";
import { button, complianceBadge, definitions, heading, link, moment, panel, sends, waiting } from "./pieces.js";
import { can } from "./rights.js";
import { modelAddress, path } from "./routes.js";

const VERIFIED_MODELS = { path: "/models?limit=200&verified=true", all: true };

/** @param {any} route @returns {string | null} */
const identOf = (route) => route.parts[0] ?? null;

/** @param {any} route @param {any} me */
export function needs(route, me) {
  const ident = identOf(route);
  return [...(ident ? [{ path: path("templates", ident) }] : []), ...(can(me, "admin") ? [VERIFIED_MODELS] : [])];
}

/** One template, or a new one. @param {any} act @param {any} value */
export function template(act, value) {
  const { route, me } = value;
  const ident = identOf(route);
  const known = ident ? (value.data.get(path("templates", ident)) ?? UNKNOWN) : UNKNOWN;
  const back = h("p", { key: "back", class: "trail" }, link("#/templates", "Templates"));
  if (ident && known.value === null) return [back, heading(ident), waiting(act, known)];
  const found = known.value;
  return [
    back,
    heading(found?.name ?? "New template", found ? complianceBadge(found.compliant) : null),
    h(
      "div",
      { key: "split", class: "split" },
      h("div", { class: "split-main" }, can(me, "admin") ? editor(act, value, found) : null, found ? modelsOf(found) : null),
      found ? h("aside", { class: "split-side" }, facts(act, found, me)) : null,
    ),
  ];
}

/** @param {any} found */
function modelsOf(found) {
  return panel(
    "Its models",
    h("span", { class: "aside" }, found.compliant ? "all of them are verified" : `${found.unverified.length} of ${found.models.length} not verified`),
    h("ul", { class: "list-lines" }, found.models.map((/** @type {string} */ model) => h("li", { key: model }, link(modelAddress(model), model), found.unverified.includes(model) ? h("span", { key: "no", class: "badge warn" }, icon("warn"), "Not verified") : h("span", { key: "yes", class: "badge ok" }, icon("seal"), "Verified")))),
  );
}

/** @param {any} act @param {any} found @param {any} me */
function facts(act, found, me) {
  return panel(
    "Template",
    null,
    definitions([["Id", h("code", null, found.id)], ["Description", found.description || "none"], ["Changed by", found.updated_by], ["Changed", moment(found.updated_at)]]),
    can(me, "admin") ? h("div", { class: "buttons even" }, button("Delete", () => act.deleteTemplate(found), { drawing: "trash", label: `Delete ${found.name}` })) : null,
  );
}

/** The models that a text names, one a line. @param {string} text */
export function modelsIn(text) {
  return text.split(/[\s,]+/).filter(Boolean);
}

/** @param {any} act @param {any} value @param {any} found */
function editor(act, value, found) {
  const form = `template ${found?.id ?? ""}`;
  const draft = value.drafts[form] ?? {};
  const now = { id: found?.id ?? "", name: found?.name ?? "", description: found?.description ?? "", models: found?.models.join("\n") ?? "" };
  const at = (/** @type {"id" | "name" | "description" | "models"} */ name) => draft[name] ?? now[name];
  const typed = (/** @type {string} */ name) => (/** @type {string} */ text) => act.draft(form, name, text);
  const faults = draft.faults ?? {};
  const wanted = modelsIn(at("models"));
  const verified = new Set((value.data.get(`${VERIFIED_MODELS.path} *`)?.value?.items ?? []).map((/** @type {any} */ one) => one.id));
  const missing = wanted.filter((model) => !verified.has(model));
  const touched = /** @type {const} */ (["id", "name", "description", "models"]).some((name) => at(name) !== now[name]);
  const ready = touched && !value.busy.has(form);
  return panel(
    found ? "Edit" : "Template",
    null,
    h(
      "form",
      {
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          if (ready) act.putTemplate(form, at("id").trim(), { name: at("name").trim(), description: at("description").trim(), models: wanted }, !found);
        },
      },
      found ? null : input({ name: "id", label: "Id", required: true, most: 64, hint: "a–z, 0–9 and . _ - ; it stays for good." }, at("id"), typed("id"), faults.id),
      input({ name: "name", label: "Name", required: true, most: 200 }, at("name"), typed("name"), faults.name),
      input({ name: "description", label: "Description", kind: "area", most: 2000 }, at("description"), typed("description"), faults.description),
      input({ name: "models", label: "Models", kind: "area", required: true, hint: "One publisher/name a line." }, at("models"), typed("models"), faults.models),
      draft.fault ? h("p", { key: "fault", class: "trouble", role: "alert" }, icon("warn"), h("span", null, draft.fault)) : null,
      h("div", { key: "preview", class: "preview" }, h("span", null, touched ? "It would be" : "It is"), complianceBadge(wanted.length > 0 && missing.length === 0), missing.length ? h("span", { class: "hint" }, `not verified: ${missing.slice(0, 3).join(", ")}${missing.length > 3 ? " …" : ""}`) : null),
      h("div", { key: "buttons", class: "buttons even" }, touched && found ? button("Undo", () => act.undraft(form)) : null, sends(found ? "Save" : "Create", !ready)),
    ),
  );
}
