// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { bytes, plural } from "./text.js";

/** @typedef {import("../types/daemon").Usage} Usage */
/** @type {Record<string, string>} */
const BESIDES = { partial: "Downloads under way", leftover: "Left behind by downloads that are gone", unknown: "Files of nobody here", cache: "Logs and caches" };

/** Who takes the space, and what can be given back; read once it is opened. @param {any} act @param {Usage | null} usage @param {ReadonlyMap<string, string>} names @param {boolean} busy */
export function spacePanel(act, usage, names, busy) {
  return h(
    "details",
    { key: "space", class: "panel", ontoggle: (/** @type {any} */ event) => act.watchSpace(event.currentTarget.open) },
    h("summary", null, h("span", { class: "group" }, "Space"), h("span", { class: "panel-sum" }, usage ? summary(usage) : "who takes it, and what can be given back")),
    usage ? whole(act, usage, names, busy) : h("p", { key: "wait", class: "from", role: "status" }, "Reading…"),
  );
}

/** @param {Usage} usage */
function summary({ disk_bytes: held, shared_bytes: shared, free_bytes: free, reserve_bytes: reserve }) {
  return [`${bytes(held)} in all`, shared ? `${bytes(shared)} shared` : null, free === null ? null : `${bytes(free)} free${reserve ? `, ${bytes(reserve)} of them kept in reserve` : ""}`].filter(Boolean).join(" · ");
}

/** @param {any} act @param {Usage} usage @param {ReadonlyMap<string, string>} names @param {boolean} busy */
function whole(act, usage, names, busy) {
  const besides = Object.entries(BESIDES).map(([kind, word]) => ({ key: kind, word, old: 0, disk: usage.items.filter((item) => item.kind === kind).reduce((sum, item) => sum + item.disk_bytes, 0) }));
  const rows = [...usage.models.map((model) => ({ key: model.model, word: names.get(model.model) ?? model.model, old: model.old_bytes, disk: model.disk_bytes })), ...besides.filter((one) => one.disk)];
  const most = Math.max(1, ...rows.map((row) => row.disk));
  return h(
    "div",
    { key: "whole" },
    h(
      "ul",
      { class: "space" },
      rows.map((row) =>
        h(
          "li",
          { key: row.key },
          h("span", null, row.word, row.old ? h("span", { class: "from" }, ` ${bytes(row.old)} of it old versions`) : null),
          h("svg", { class: "memory-bar", viewBox: "0 0 1000 12", preserveAspectRatio: "none", "aria-hidden": "true" }, h("rect", { class: "a", x: "0", y: "0", width: (row.disk && Math.max(4, (1000 * row.disk) / most)).toFixed(1), height: "12" })),
          h("span", { class: "figure" }, bytes(row.disk)),
        ),
      ),
    ),
    usage.prunable_bytes
      ? h("p", { key: "prune", class: "panel-buttons" }, h("button", { type: "button", class: "button", disabled: busy, onclick: () => act.prune() }, icon("trash"), `Give back ${bytes(usage.prunable_bytes)}…`))
      : h("p", { key: "none", class: "from panel-buttons" }, "There is nothing to give back."),
  );
}

/** What is given back, as a question says it. @param {import("../types/daemon").Pruned} found */
export function prunedWords({ items, freed_bytes: freed }) {
  const counts = /** @type {[string, string][]} */ ([["artifact", "old version"], ["leftover", "partial file"], ["cache", "log"]]).map(([kind, word]) => {
    const many = items.filter((item) => item.kind === kind).length;
    return many ? plural(many, word) : null;
  });
  return `${counts.filter(Boolean).join(", ")}: ${bytes(freed)}. What is active, loaded or the only one of its kind stays.`;
}
