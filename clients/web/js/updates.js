// @ts-check
import { searchBox } from "./browse.js";
import { h, lazy } from "./dom.js";
import { icon } from "./icons.js";
import { choiceBoxes, narrowed } from "./narrowing.js";
import { progressBar } from "./progress.js";
import { day, formatName, modelParts, optionWord, plural } from "./text.js";
import { fetchWords, heldWords, isOverridable } from "./updating.js";

/** @type {Record<string, string>} */
const FIELD_WORDS = { "license/spdx": "Licence", context_length: "Context", "option/quantization": "Quantization", "option/size_bytes": "Size", description: "Description", parameters: "Parameters" };

/** The Updates tab. @param {any} act @param {any} value */
export function updates(act, value) {
  const { live, route, names } = value;
  const all = [...(value.updatesFor ?? live.updates).values()].sort((a, b) => rank(a) - rank(b) || (a.model < b.model ? -1 : 1));
  const choices = choicesOf(value.skills);
  const shown = narrowed(all, route, (update) => `${update.model} ${update.display_name ?? ""} ${update.format ?? ""}`, choices);
  const ready = all.filter(isReady);
  const offered = shown.filter(isReady);
  const whole = shown.length === all.length;
  return h(
    "div",
    { class: "content only" },
    h("h1", { class: "unseen" }, "Updates"),
    h(
      "div",
      { class: "bar wraps" },
      searchBox(act, route, "Search updates"),
      choiceBoxes(act, route, all, choices),
      offered.length > 1 ? h("button", { key: "all", type: "button", class: "button primary tall", disabled: value.busy.has("updates"), onclick: () => act.applyAll(whole ? null : offered) }, icon("down"), `Update ${whole ? "all" : "these"} ${offered.length}`) : null,
    ),
    h("p", { class: "summary", role: "status" }, !live.known ? "Reading…" : all.length ? summary(all, ready) : "Everything that is installed is as new as it can be"),
    live.known && !all.length ? h("div", { key: "empty", class: "empty" }, h("p", null, "There is nothing to update."), h("button", { type: "button", class: "button", disabled: value.busy.has("sync"), onclick: () => act.sync() }, icon("retry"), "Look for news now")) : null,
    all.length && !shown.length ? h("div", { key: "none", class: "empty" }, h("p", null, "None of the updates matches."), h("button", { type: "button", class: "button", onclick: () => act.go({ view: "updates" }) }, "Show all")) : null,
    h("ul", { key: "rows", class: "rows" }, shown.map((update) => lazy(update.id, row, act, update, names.get(update.model), update.download ? live.downloads.get(update.download) : null, value.busy.has(`update:${update.id}`)))),
  );
}

/** @param {ReadonlyMap<string, string[]>} skills of models @returns {import("./narrowing.js").Choice[]} */
function choicesOf(skills) {
  return [
    { name: "format", word: "Format", all: "All formats", of: (update) => [update.format].filter(Boolean), shown: formatName },
    { name: "capability", word: "Capability", all: "All capabilities", of: (update) => skills.get(update.model) ?? [] },
  ];
}

/** @param {any} update */
function isReady(update) {
  return update.state === "available" && update.kind !== "withdrawn";
}

/** @param {any} update */
function rank(update) {
  return ["available", "downloading", "ready", "held_back"].indexOf(update.state);
}

/** @param {any[]} all @param {any[]} ready */
function summary(all, ready) {
  const held = all.filter((update) => update.state === "held_back").length;
  return [ready.length ? plural(ready.length, "update") : null, held ? `${held} held back` : null].filter(Boolean).join(" · ") || plural(all.length, "update");
}

/** @param {any} act @param {import("../types/daemon").Update} update @param {string | undefined} name @param {any} download @param {boolean} busy */
function row(act, update, name, download, busy) {
  const title = update.display_name ?? name ?? modelParts(update.model)[1];
  return h(
    "li",
    { class: "row update", "data-model": update.model },
    h(
      "div",
      { class: "row-main" },
      h("div", { class: "title-line" }, h("div", { class: "who" }, h("h2", null, title), h("p", { class: "publisher" }, update.model)), badge(update)),
      h(
        "p",
        { class: "facts" },
        [update.kind === "content" ? `version ${update.version}, other bytes` : update.kind === "withdrawn" ? `version ${update.installed_version} was withdrawn` : `version ${update.installed_version} → ${update.version}`, update.option ? optionWord(update.option) : null, fetchWords(update), update.published_at ? day(update.published_at) : null, update.published_by ? `by ${update.published_by}` : null].filter(Boolean).map((fact) => h("span", { key: fact }, fact)),
      ),
      update.withdrawn ? h("p", { key: "withdrawn", class: "trouble" }, icon("warn"), h("span", null, update.withdrawn)) : null,
      update.held_back.map((why) => held(why.code + why.by, why)),
      update.newer_held_back.map((why) => held(`newer ${why.code}${why.by}`, why, update.newer_version)),
      update.error ? h("p", { key: "error", class: "trouble" }, icon("warn"), h("span", null, update.error.detail)) : null,
      update.notes.map((note) => (note.notes ? h("p", { key: note.version, class: "note-text" }, h("strong", null, `Version ${note.version}: `), note.notes) : null)),
      changes(update),
      download ? progressBar(download, title) : null,
    ),
    h("div", { class: "row-buttons", "data-focus-home": true }, buttons(act, update, title, busy, download)),
  );
}

/** @param {string} key @param {import("../types/daemon").HeldBack} why @param {number | null} [version] that is meant, where it is not the one offered */
function held(key, why, version = null) {
  const [by, detail] = heldWords(why);
  return h("p", { key, class: "note" }, icon("info"), h("span", null, h("strong", null, version ? `Version ${version} is held back by ${by}` : `Held back by ${by}`), `: ${detail}`));
}

/** @param {import("../types/daemon").Update} update */
function badge(update) {
  if (update.kind === "withdrawn") return h("span", { class: "badge bad" }, icon("warn"), "Withdrawn");
  if (update.state === "held_back") return h("span", { class: "badge warn" }, icon("pause"), "Held back");
  if (update.state === "ready") return h("span", { class: "badge ok" }, icon("check"), "Installed");
  return update.verified ? h("span", { class: "badge ok" }, icon("seal"), "Verified") : null;
}

/** @param {import("../types/daemon").Update} update */
function changes(update) {
  if (!update.changes.length) return null;
  return h(
    "details",
    { key: "changes", class: "in-force" },
    h("summary", null, plural(update.changes.length, "change")),
    h("dl", { class: "pairs small" }, update.changes.map((change) => h("div", { key: change.field }, h("dt", null, FIELD_WORDS[change.field] ?? change.field), h("dd", null, h("del", null, said(change.before)), " → ", h("ins", null, said(change.after)))))),
  );
}

/** @param {any} value */
function said(value) {
  if (value === null || value === undefined) return "nothing";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** @param {any} act @param {import("../types/daemon").Update} update @param {string} title @param {boolean} busy @param {any} download */
function buttons(act, update, title, busy, download) {
  if (download || update.state === "downloading") return [h("a", { key: "download", class: "button", href: "#/downloads" }, "Downloading")];
  if (update.kind !== "version") return [h("a", { key: "open", class: "button", href: `#/installed?q=${encodeURIComponent(update.model)}` }, "Show it")];
  if (update.state === "ready") return [h("button", { key: "now", type: "button", class: "button primary", disabled: busy, "aria-label": `Switch ${title} to the new version now`, onclick: () => act.applyUpdate(update, { now: true }) }, icon("restart"), "Switch now")];
  if (update.state === "held_back") return update.held_back.every(isOverridable) && update.option ? [h("button", { key: "force", type: "button", class: "button", disabled: busy, "aria-label": `Update ${title} anyway`, onclick: () => act.applyUpdate(update, { force: true }) }, "Update anyway")] : [];
  return [h("button", { key: "update", type: "button", class: "button primary", disabled: busy, "aria-label": `Update ${title}`, onclick: () => act.applyUpdate(update) }, icon("down"), "Update")];
}
