// @ts-check
import { searchBox } from "./browse.js";
import { h, lazy } from "./dom.js";
import { icon } from "./icons.js";
import { jobWords } from "./job.js";
import { choiceBoxes, narrowed } from "./narrowing.js";
import { SERVER_WORDS } from "./servers.js";
import { spacePanel } from "./space.js";
import { isEnded, jobOf, serverOf } from "./state.js";
import { bytes, day, formatName, modelParts, optionName, plural } from "./text.js";

/** @type {Record<string, {word: string, next: string}>} */
const STATES = {
  missing: { word: "Files are missing", next: "Repair fetches them again." },
  damaged: { word: "Damaged", next: "Repair fetches the damaged parts again." },
  offline: { word: "Models folder is not there", next: "Plug its drive in." },
};
/** @type {Record<string, string>} */
const SOURCES = { download: "downloaded", scan: "found in the models folder", import: "imported" };

/** The Installed tab. @param {any} act @param {any} value @param {any} derived */
export function installed(act, value, derived) {
  const { live, route, names } = value;
  const all = [...live.library.values()].sort((a, b) => (a.model === b.model ? b.version - a.version || (a.option < b.option ? -1 : 1) : a.model < b.model ? -1 : 1));
  const choices = choicesOf(value.skills);
  const shown = narrowed(all, route, (artifact) => `${artifact.model} ${artifact.option} ${artifact.format} ${names.get(artifact.model) ?? ""}`, choices);
  return h(
    "div",
    { class: "content only" },
    h("h1", { class: "unseen" }, "Installed models"),
    h("div", { class: "bar wraps" }, searchBox(act, route, "Search installed models"), choiceBoxes(act, route, all, choices), h("button", { type: "button", class: "button tall", disabled: value.busy.has("scan"), title: "Read the models folder again", onclick: () => act.rescan() }, icon("folder"), "Scan"), h("button", { type: "button", class: "button tall", onclick: () => act.openAdding() }, icon("down"), "Add…")),
    h("p", { class: "summary" }, h("span", { role: "status" }, summary(live, all, shown)), free(live)),
    all.length === 0 && live.known ? empty() : null,
    all.length > 0 && shown.length === 0 ? h("div", { key: "none", class: "empty" }, h("p", null, "None of the installed models matches."), h("button", { type: "button", class: "button", onclick: () => act.go({ view: "installed" }) }, "Show all")) : null,
    h(
      "ul",
      { key: "rows", class: "rows" },
      shown.map((artifact) => lazy(artifact.id, row, act, artifact, names.get(artifact.model), serverOf(live.servers, artifact.id), jobOf(live.jobs, artifact.id), derived.busy.has(artifact.id), derived.versions.get(artifact.model))),
    ),
    live.known ? lazy("space", spacePanel, act, value.space, names, value.busy.has("prune")) : null,
  );
}

/** @param {ReadonlyMap<string, string[]>} skills of models @returns {import("./narrowing.js").Choice[]} */
function choicesOf(skills) {
  return [
    { name: "format", word: "Format", all: "All formats", of: (artifact) => [artifact.format], shown: formatName },
    { name: "capability", word: "Capability", all: "All capabilities", of: (artifact) => skills.get(artifact.model) ?? [] },
    { name: "state", word: "State", all: "Any state", of: (artifact) => [artifact.state], shown: (state) => STATES[state]?.word ?? (state === "ok" ? "In order" : state) },
  ];
}

/** @param {any} live @param {any[]} all @param {any[]} shown */
function summary(live, all, shown) {
  if (!live.known) return "Reading…";
  const used = all.reduce((sum, artifact) => sum + artifact.size_bytes, 0);
  const what = shown.length === all.length ? plural(all.length, "model") : `${shown.length} of ${plural(all.length, "model")}`;
  return `${what} · ${bytes(used)} used`;
}

/** It changes all the time, so nobody is told of it. @param {any} live */
function free(live) {
  const left = live.known && live.device?.disk_free_bytes;
  return left ? ` · ${bytes(left)} free` : null;
}

function empty() {
  return h("div", { key: "empty", class: "empty" }, h("p", null, "Nothing is installed yet."), h("a", { class: "button primary", href: "#/browse" }, icon("search"), "Browse models"));
}

/** @param {any} act @param {any} artifact @param {string | undefined} name @param {any} server @param {any} job @param {boolean} busy @param {number | undefined} versions installed of this model */
function row(act, artifact, name, server, job, busy, versions) {
  const [publisher, short] = modelParts(artifact.model);
  const title = name ?? short;
  const state = STATES[artifact.state];
  const open = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    act.openDetails(artifact.model);
  };
  return h(
    "li",
    { class: "row artifact", "data-model": artifact.model, "data-artifact": artifact.id },
    h(
      "div",
      { class: "row-main" },
      h(
        "div",
        { class: "title-line" },
        h("div", { class: "who" }, h("h2", null, h("a", { class: "opens", href: `#/installed?model=${artifact.model}`, onclick: open }, title)), h("p", { class: "publisher" }, publisher, artifact.active ? null : h("span", { class: "origin" }, "not the active one"))),
        artifact.withdrawn ? h("span", { key: "withdrawn", class: "badge bad" }, icon("warn"), "Withdrawn") : state ? h("span", { key: "state", class: "badge bad" }, icon("warn"), state.word) : null,
      ),
      h(
        "p",
        { class: "facts" },
        h("span", null, optionName(artifact)),
        h("span", null, `version ${artifact.version}`),
        h("span", null, bytes(artifact.size_bytes)),
        h("span", null, SOURCES[artifact.source] ?? artifact.source),
        h("span", { class: artifact.verified_at ? "good" : "" }, artifact.verified_at ? `verified ${day(artifact.verified_at)}` : "not verified"),
        artifact.outside ? h("code", { class: "where" }, artifact.where ?? "outside the models folder") : null,
        artifact.managed ? h("span", { key: "managed" }, `kept by ${artifact.managed.replace(":", " ")}`) : null,
        artifact.digest ? h("code", { title: artifact.digest }, artifact.digest.replace("sha256:", "").slice(0, 12)) : null,
      ),
      artifact.withdrawn ? h("p", { key: "why", class: "trouble" }, icon("warn"), h("span", null, artifact.withdrawn)) : null,
      state ? h("p", { key: "next", class: "trouble" }, icon("warn"), h("span", null, `${state.word}. ${state.next}`)) : null,
      job ? jobWords(act, job, title) : null,
      serverLine(server),
    ),
    h("div", { class: "row-buttons", "data-focus-home": true }, buttons(act, artifact, title, server, job, busy, versions)),
  );
}

/** @param {any} server */
function serverLine(server) {
  if (!server) return null;
  const memory = server.memory?.measured_bytes ?? server.memory?.estimated_bytes;
  const failed = server.state === "failed";
  return h(
    "div",
    { key: "server", class: `server ${server.state}` },
    h(
      "p",
      null,
      h("span", { class: "dot", "aria-hidden": "true" }),
      h("strong", { role: "status" }, SERVER_WORDS[server.state] ?? server.state),
      failed && server.error ? `: ${server.error.detail}` : null,
      server.state === "ready" ? [` as ${server.name}${memory ? ` · ${bytes(memory)} of memory` : ""} · `, h("a", { href: `#/servers?server=${server.id}&pane=try` }, "Try it")] : null,
    ),
    failed && server.error?.log_tail?.length ? h("details", null, h("summary", null, "Last lines of its log"), h("pre", { tabindex: "0" }, server.error.log_tail.join("\n"))) : null,
  );
}

/** @param {any} act @param {any} artifact @param {string} title @param {any} server @param {any} job @param {boolean} busy @param {number | undefined} versions */
function buttons(act, artifact, title, server, job, busy, versions) {
  const running = server && !isEnded(server);
  const working = job?.state === "running";
  const whole = artifact.state === "ok";
  return [
    running
      ? h("button", { key: "unload", type: "button", class: "button steady", disabled: busy, "aria-label": `Unload ${title}`, onclick: () => act.unload(server) }, icon("stop"), server.state === "ready" ? "Unload" : "Stop")
      : whole
        ? h("button", { key: "load", type: "button", class: "button primary steady", disabled: busy, "aria-label": `Load ${title}`, onclick: () => act.openForm(artifact.id) }, icon("power"), server?.state === "failed" ? "Load again" : "Load")
        : h("button", { key: "repair", type: "button", class: "button primary", disabled: busy || working || artifact.state === "offline", "aria-label": `Repair ${title}`, onclick: () => act.work("repair", artifact) }, icon("wrench"), "Repair"),
    h("button", { key: "verify", type: "button", class: "button square", disabled: busy || working || artifact.state === "offline", title: "Check every byte again", "aria-label": `Verify ${title}`, onclick: () => act.work("verify", artifact) }, icon("shield")),
    (versions ?? 0) > 1 ? (artifact.active ? h("button", { key: "back", type: "button", class: "button square", disabled: busy, title: "Back to the version before", "aria-label": `Go back from this version of ${title}`, onclick: () => act.rollBack(artifact, title) }, icon("restart")) : h("button", { key: "active", type: "button", class: "button square", disabled: busy, title: "Make this the active one", "aria-label": `Make ${optionName(artifact)}, version ${artifact.version}, the active one of ${title}`, onclick: () => act.makeActive(artifact) }, icon("check"))) : null,
    h(
      "button",
      { key: "remove", type: "button", class: "button square", disabled: busy || working || running || Boolean(artifact.managed), title: running ? "Unload it first" : artifact.managed ? "What brought it keeps it" : artifact.outside ? "Forget it; its files stay" : "Remove", "aria-label": `Remove ${title}`, onclick: () => act.removeArtifact(artifact, title) },
      icon("trash"),
    ),
  ];
}
