// @ts-check
import { chatPane } from "./chat.js";
import { NO_CHAT } from "./chatting.js";
import { h, lazy } from "./dom.js";
import { icon } from "./icons.js";
import { FIELDS, originWord, shownValue } from "./load_fields.js";
import { logPane } from "./logs.js";
import { isEnded } from "./state.js";
import { bytes, modelParts, optionWord, plural, since } from "./text.js";

/** @type {Record<string, string>} */
export const SERVER_WORDS = { starting: "Starting", loading: "Loading", ready: "Running", draining: "Finishing requests", failed: "Could not run", stopped: "Stopped" };

/** The Servers tab. @param {any} act @param {any} value */
export function servers(act, value) {
  const { live, route } = value;
  const all = [...live.servers.values()].filter((server) => server.state !== "stopped").sort((a, b) => Number(isEnded(a)) - Number(isEnded(b)) || (a.started_at < b.started_at ? 1 : -1));
  const running = all.filter((server) => !isEnded(server));
  const used = running.reduce((sum, server) => sum + (memoryOf(server) ?? 0), 0);
  return h(
    "div",
    { class: "content only" },
    h("h1", { class: "unseen" }, "Servers"),
    h("p", { class: "summary", role: "status" }, live.known ? [running.length ? plural(running.length, "running model") : "No model is running", used ? `${bytes(used)} of memory` : null].filter(Boolean).join(" · ") : "Reading…"),
    live.known && !all.length ? h("div", { key: "empty", class: "empty" }, h("p", null, "No model is running. Load one of those that are installed."), h("a", { class: "button primary", href: "#/installed" }, "Installed models")) : null,
    h(
      "ul",
      { key: "rows", class: "rows" },
      all.map((server) => {
        const open = route.server === server.id;
        return lazy(server.id, row, act, server, value.names.get(server.model), live.loads.get(server.id), value.busy.has(server.library_id), live.device, open ? route.pane : null, open ? value.chats.get(server.id) : null, open && route.pane === "log" ? value.log : null);
      }),
    ),
  );
}

/** @param {any} server @returns {number | null} */
function memoryOf(server) {
  return server.memory?.measured_bytes ?? server.memory?.estimated_bytes ?? null;
}

/** @param {any} act @param {any} server @param {string | undefined} name @param {any} load @param {boolean} busy @param {any} device @param {string | null | undefined} pane @param {any} chat @param {any} log */
function row(act, server, name, load, busy, device, pane, chat, log) {
  const title = name ?? modelParts(server.model)[1];
  const failed = server.state === "failed";
  return h(
    "li",
    { class: `row server-row ${server.state}`, "data-model": server.model, "data-server": server.id },
    h(
      "div",
      { class: "server-head" },
      h(
        "div",
        { class: "row-main" },
        h("div", { class: "who" }, h("h2", null, title), h("p", { class: "publisher" }, `${server.model} · ${optionWord(server.option)} · version ${server.version}`)),
        h(
          "p",
          { class: `server ${server.state}` },
          h("span", { class: "dot", "aria-hidden": "true" }),
          h("strong", { role: "status" }, SERVER_WORDS[server.state] ?? server.state),
          server.state === "ready" ? [" as ", h("code", null, server.name)] : null,
          load?.busy_slots ? ` · ${plural(load.busy_slots, "request")}` : null,
          load?.tokens_per_s ? ` · ${load.tokens_per_s.toFixed(1)} tokens/s` : null,
          failed && server.error ? `: ${server.error.detail}` : null,
        ),
      ),
      h(
        "div",
        { class: "row-buttons", "data-focus-home": true },
        h("button", { key: "restart", type: "button", class: "button square", disabled: busy, title: "Restart", "aria-label": `Restart ${title}`, onclick: () => act.restart(server) }, icon("restart")),
        failed ? null : h("button", { key: "unload", type: "button", class: "button steady", disabled: busy || server.state === "draining", "aria-label": `Unload ${title}`, onclick: () => act.unload(server) }, icon("stop"), server.state === "ready" ? "Unload" : "Stop"),
      ),
    ),
    failed ? failure(server) : memory(server, load, device, title),
    failed ? null : inForce(server),
    h(
      "div",
      { class: "pane-buttons" },
      failed ? null : paneButton(act, server, pane, "try", "chat", "Try it", server.state !== "ready"),
      paneButton(act, server, pane, "log", "log", "Log"),
    ),
    pane === "try" && server.state === "ready" ? chatPane(act, server, chat ?? NO_CHAT, title) : null,
    pane === "log" && log?.id === server.id ? logPane(log, title) : null,
  );
}

/** @param {any} act @param {any} server @param {string | null | undefined} pane @param {string} which @param {any} drawing @param {string} word @param {boolean} [disabled] */
function paneButton(act, server, pane, which, drawing, word, disabled = false) {
  const open = pane === which;
  return h("button", { key: which, type: "button", class: "button small", disabled, "aria-expanded": String(open), onclick: () => act.pane(open ? null : server.id, which) }, icon(drawing), word);
}

/** How far it is, where the memory is shown later. @param {any} server @param {any} load @param {string} title */
function loading(server, load, title) {
  if (server.state !== "loading" && server.state !== "starting") return null;
  const part = load?.load_progress ?? server.load_progress;
  return h("progress", { key: "loading", max: "1", value: part ?? null, "aria-label": `Loading ${title}` });
}

/** What it takes of the memory here. @param {any} server @param {any} load @param {any} device @param {string} title */
function memory(server, load, device, title) {
  const measured = load?.rss_bytes ?? server.memory?.measured_bytes ?? null;
  const held = measured ?? server.memory?.estimated_bytes;
  const coming = loading(server, load, title);
  if (!held) return coming;
  const card = device?.gpus?.find((/** @type {any} */ gpu) => !gpu.unified);
  const whole = Math.max(card?.total_bytes ?? device?.ram_total_bytes ?? held, held);
  return h(
    "div",
    { key: "memory", class: "server-memory" },
    coming ?? h("svg", { key: "bar", class: "memory-bar", viewBox: "0 0 1000 12", preserveAspectRatio: "none", "aria-hidden": "true" }, h("rect", { class: "a", x: "0", y: "0", width: Math.max(4, (1000 * held) / whole).toFixed(1), height: "12" })),
    h("p", { class: "from" }, `${bytes(held)} ${measured ? "of memory in use" : "of memory, estimated"}${measured && server.memory?.estimated_bytes ? `, ${bytes(server.memory.estimated_bytes)} estimated` : ""} · ${bytes(whole)} ${card ? `on ${card.name}` : "in this computer"}`),
  );
}

/** @param {any} server */
function inForce(server) {
  const settings = server.settings ?? {};
  const known = FIELDS.filter(({ name }) => settings[name] && settings[name].value !== null);
  return h(
    "details",
    { key: "settings", class: "in-force" },
    h("summary", null, "Settings in force"),
    h(
      "dl",
      { class: "pairs small" },
      known.map(({ name, word }) => h("div", { key: name }, h("dt", null, word), h("dd", null, shownValue(settings[name].value), h("span", { class: "from" }, ` ${originWord(settings[name].origin)}`)))),
      [["llama-server", server.build], ["Process", server.pid], ["Endpoint", server.endpoint], ["Last used", since(server.last_used_at)]].filter(([, what]) => what).map(([word, what]) => h("div", { key: word }, h("dt", null, word), h("dd", null, what))),
    ),
  );
}

/** @param {any} server */
function failure(server) {
  if (!server.error?.log_tail?.length) return null;
  return h("details", { key: "tail", class: "in-force" }, h("summary", null, "Last lines of its log"), h("pre", { class: "log", tabindex: "0" }, server.error.log_tail.join("\n")));
}
