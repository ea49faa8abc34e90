// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** @type {Record<string, [word: string, tone: string]>} */
const FIRST = { pending: ["Waits for the catalog", "plain"], held: ["Waits", "warn"], enqueued: ["In the queue", "ok"], done: ["Done", "ok"], skipped: ["Left out", "plain"] };
/** @type {Record<string, string>} */
const BY = { config: "config.toml", application: "the application", administrator: "the administrator", registry: "the registry" };
const OPEN = new Set(["pending", "held", "enqueued"]);

/** What is to be downloaded at the first run. @param {any} act @param {import("../types/daemon").FirstRunItem[]} items @param {boolean} busy */
export function firstRun(act, items, busy) {
  return h(
    "ul",
    { class: "provided" },
    items.map((item) => {
      const [word, tone] = FIRST[item.state] ?? [item.state, "plain"];
      return h(
        "li",
        { key: item.model, "data-first": item.model },
        h("div", null, h("strong", null, item.model), h("p", { class: "from" }, `wanted by ${BY[item.declared_by] ?? item.declared_by}`, item.detail ? `: ${item.detail}` : "")),
        h("span", { class: `badge small ${tone}` }, word),
        OPEN.has(item.state) ? h("button", { type: "button", class: "button small", disabled: busy, "aria-label": `Do without ${item.model}`, onclick: () => act.skipFirstRun([item.model]) }, "Do without") : null,
      );
    }),
  );
}

/** Folders of applications and of the administrator that provide models. @param {any} act @param {import("../types/daemon").Source[]} sources @param {boolean} busy */
export function sourceList(act, sources, busy) {
  return h(
    "ul",
    { class: "provided" },
    sources.map((source) =>
      h(
        "li",
        { key: source.id, "data-source": source.id },
        h("div", null, h("strong", null, source.app ?? source.id), h("p", { class: "from" }, h("code", null, source.where), ` named by ${BY[source.declared_by] ?? source.declared_by}`, source.detail ? `: ${source.detail}` : ""), source.models.length ? h("p", { class: "from" }, source.models.join(", ")) : null),
        h("span", { class: `badge small ${source.state === "ok" ? "ok" : "warn"}` }, icon(source.state === "ok" ? "check" : "warn"), source.state === "ok" ? (source.signed ? "Signed" : "In use") : source.state),
        source.declared_by === "application" ? h("button", { type: "button", class: "button small", disabled: busy, "aria-label": `Take out ${source.app ?? source.id}`, onclick: () => act.removeSource(source) }, "Take out") : null,
      ),
    ),
  );
}
