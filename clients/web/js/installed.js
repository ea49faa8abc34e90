// @ts-check
import { searchBox } from "./browse.js";
import { h, lazy } from "./dom.js";
import { icon } from "./icons.js";
import { isEnded, serverOf } from "./state.js";
import { bytes, day, modelParts, optionName, plural } from "./text.js";

/** @type {Record<string, string>} */
const STATES = { missing: "Files are missing", damaged: "Damaged", offline: "Models folder is not there" };
/** @type {Record<string, string>} */
const SERVER_WORDS = { starting: "Starting", loading: "Loading", ready: "Running", draining: "Finishing requests", failed: "Could not run" };
/** @type {Record<string, string>} */
const SOURCES = { download: "downloaded", scan: "found in the models folder", import: "imported" };

/** The Installed tab. @param {any} act @param {any} value @param {any} derived */
export function installed(act, value, derived) {
  const { live, route, names } = value;
  const all = [...live.library.values()].sort((a, b) => (a.model === b.model ? b.version - a.version || (a.option < b.option ? -1 : 1) : a.model < b.model ? -1 : 1));
  const words = route.q.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = all.filter((artifact) => matches(artifact, names.get(artifact.model), words));
  return h(
    "div",
    { class: "content only" },
    h("h1", { class: "unseen" }, "Installed models"),
    h("div", { class: "bar" }, searchBox(act, route, "Search installed models")),
    h("p", { class: "summary", role: "status" }, summary(live, all, shown)),
    all.length === 0 && live.known ? empty() : null,
    all.length > 0 && shown.length === 0 ? h("div", { key: "none", class: "empty" }, h("p", null, "None of the installed models matches."), h("button", { type: "button", class: "button", onclick: () => act.typed("") }, "Show all")) : null,
    h(
      "ul",
      { key: "rows", class: "rows" },
      shown.map((artifact) => lazy(artifact.id, row, act, artifact, names.get(artifact.model), serverOf(live.servers, artifact.id), derived.busy.has(artifact.id))),
    ),
  );
}

/** @param {any} artifact @param {string | undefined} name @param {string[]} words */
function matches(artifact, name, words) {
  const text = `${artifact.model} ${artifact.option} ${artifact.format} ${name ?? ""}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** @param {any} live @param {any[]} all @param {any[]} shown */
function summary(live, all, shown) {
  if (!live.known) return "Reading…";
  const used = all.reduce((sum, artifact) => sum + artifact.size_bytes, 0);
  const free = live.device?.disk_free_bytes;
  const what = shown.length === all.length ? plural(all.length, "model") : `${shown.length} of ${plural(all.length, "model")}`;
  return [what, `${bytes(used)} used`, free ? `${bytes(free)} free` : null].filter(Boolean).join(" · ");
}

function empty() {
  return h("div", { key: "empty", class: "empty" }, h("p", null, "Nothing is installed yet."), h("a", { class: "button primary", href: "#/browse" }, icon("search"), "Browse models"));
}

/** @param {any} act @param {any} artifact @param {string | undefined} name @param {any} server @param {boolean} busy */
function row(act, artifact, name, server, busy) {
  const [publisher, short] = modelParts(artifact.model);
  const title = name ?? short;
  return h(
    "li",
    { class: "row", "data-model": artifact.model },
    h(
      "div",
      { class: "row-main" },
      h("div", { class: "who" }, h("h2", null, title), h("p", { class: "publisher" }, publisher, artifact.active ? null : h("span", { class: "origin" }, "not the active one"))),
      h(
        "p",
        { class: "facts" },
        h("span", null, optionName(artifact)),
        h("span", null, `version ${artifact.version}`),
        h("span", null, bytes(artifact.size_bytes)),
        h("span", null, SOURCES[artifact.source] ?? artifact.source),
        h("span", { class: artifact.verified_at ? "good" : "" }, artifact.verified_at ? `verified ${day(artifact.verified_at)}` : "not verified"),
        artifact.digest ? h("code", { title: artifact.digest }, artifact.digest.replace("sha256:", "").slice(0, 12)) : null,
      ),
      artifact.state === "ok" ? null : h("p", { key: "state", class: "trouble" }, icon("warn"), STATES[artifact.state] ?? artifact.state),
      serverLine(server),
    ),
    h("div", { class: "row-buttons", "data-focus-home": true }, buttons(act, artifact, title, server, busy)),
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
      server.state === "ready" ? ` as ${server.name}${memory ? ` · ${bytes(memory)} of memory` : ""}` : null,
    ),
    failed && server.error?.log_tail?.length ? h("details", null, h("summary", null, "Last lines of its log"), h("pre", { tabindex: "0" }, server.error.log_tail.join("\n"))) : null,
  );
}

/** @param {any} act @param {any} artifact @param {string} title @param {any} server @param {boolean} busy */
function buttons(act, artifact, title, server, busy) {
  const running = server && !isEnded(server);
  return [
    running
      ? h("button", { key: "unload", type: "button", class: "button", disabled: busy, "aria-label": `Unload ${title}`, onclick: () => act.unload(server, artifact) }, icon("stop"), server.state === "ready" ? "Unload" : "Stop")
      : h("button", { key: "load", type: "button", class: "button primary", disabled: busy || artifact.state !== "ok", "aria-label": `Load ${title}`, onclick: () => act.load(artifact) }, icon("power"), failedWord(server)),
    h(
      "button",
      { key: "remove", type: "button", class: "button square", disabled: busy || running, title: running ? "Unload it first" : "Remove", "aria-label": `Remove ${title}`, onclick: () => act.removeArtifact(artifact, title) },
      icon("trash"),
    ),
  ];
}

/** @param {any} server */
function failedWord(server) {
  return server?.state === "failed" ? "Load again" : "Load";
}
