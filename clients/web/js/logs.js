// @ts-check
import { h } from "./dom.js";
import { lineReader } from "./stream.js";

const KEPT = 2_000;
const AGAIN_MS = 2_000;

/** Following the log of one server at a time. @param {{api: any, store: any, later?: (run: () => void, ms: number) => any}} parts */
export function createLogs({ api, store, later = setTimeout }) {
  /** @type {{id: string, stop: AbortController} | null} */
  let reading = null;

  /** @param {string} id @param {AbortController} stop */
  async function read(id, stop) {
    while (!stop.signal.aborted) {
      try {
        const response = await api.open("GET", `/servers/${id}/logs?follow=true&tail=500`, { signal: stop.signal, patienceMs: 0, headers: { Accept: "text/plain" } });
        store.set({ log: { id, lines: [], open: true } });
        const body = response.body.getReader();
        const lines = lineReader();
        for (;;) {
          const { done, value } = await body.read();
          if (done || stop.signal.aborted) break;
          const more = lines(value);
          store.set((/** @type {any} */ now) => ({ ...now, log: { ...now.log, lines: [...now.log.lines, ...more].slice(-KEPT) } }));
        }
      } catch (error) {
        if (stop.signal.aborted || /** @type {any} */ (error).status === 404) break;
      }
      if (stop.signal.aborted) return;
      store.set((/** @type {any} */ now) => ({ ...now, log: { ...now.log, open: false } }));
      let server;
      do {
        await new Promise((resolve) => later(() => resolve(null), AGAIN_MS));
        server = store.get().live.servers.get(id);
      } while (server?.state === "failed" && !stop.signal.aborted); // it may be started again
      if (!server || server.state === "stopped") return;
    }
  }

  return {
    /** The log of the pane that the address opens, or none. @param {any} route */
    followLog(route) {
      const id = route.view === "servers" && route.pane === "log" ? (route.server ?? null) : null;
      if (id === (reading?.id ?? null)) return;
      reading?.stop.abort();
      reading = null;
      store.set({ log: { id, lines: [], open: false } });
      if (!id) return;
      reading = { id, stop: new AbortController() };
      read(id, reading.stop);
    },
  };
}

/** The log of a server, its end in sight while it grows. @param {any} log @param {string} title */
export function logPane(log, title) {
  return h(
    "section",
    { key: "log", class: "pane", "aria-label": `Log of ${title}` },
    h("pre", { class: "log", tabindex: "0", "data-stick": true, "aria-label": "Log" }, log.lines.length ? log.lines.join("\n") : "Nothing yet."),
    h("p", { class: "from" }, log.open ? `Follows the log · ${log.lines.length} lines` : "The log has ended."),
  );
}
