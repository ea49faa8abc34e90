// @ts-check
import { h, lazy } from "./dom.js";
import { icon } from "./icons.js";
import { leftovers, limitsForm, ownLimits } from "./limits.js";
import { downloadButtons, progressBar, progressWords } from "./progress.js";
import { inOrder } from "./state.js";
import { bytes, clock, day, modelParts, optionWord, plural } from "./text.js";

/** @type {Record<string, {word: string, icon: "check" | "warn" | "cross", tone: string}>} */
const ENDS = {
  completed: { word: "Installed", icon: "check", tone: "ok" },
  failed: { word: "Failed", icon: "warn", tone: "bad" },
  cancelled: { word: "Cancelled", icon: "cross", tone: "plain" },
};

/** The Downloads tab. @param {any} act @param {any} value */
export function downloads(act, value) {
  const { under, ended } = inOrder(value.live.downloads);
  const { queue } = value;
  const going = under.filter((download) => download.state !== "paused");
  return h(
    "div",
    { class: "content only" },
    h("h1", { class: "unseen" }, "Downloads"),
    h(
      "div",
      { class: "bar" },
      h("p", { class: "summary" }, value.live.known ? summary(under, going) : "Reading…"),
      h(
        "div",
        { class: "bar-buttons", "data-focus-home": true },
        under.length ? h("button", { key: "pause", type: "button", class: "button", disabled: !going.length, onclick: () => act.allDownloads("pause") }, icon("pause"), "Pause all") : null,
        under.length ? h("button", { key: "resume", type: "button", class: "button", disabled: going.length === under.length, onclick: () => act.allDownloads("resume") }, icon("play"), "Resume all") : null,
      ),
    ),
    value.live.known && !value.live.downloads.size ? h("div", { key: "empty", class: "empty" }, h("p", null, "No downloads."), h("a", { class: "button primary", href: "#/browse" }, icon("search"), "Browse models")) : null,
    queue.limits?.held_until && going.length ? h("p", { key: "held", class: "note held" }, icon("pause"), h("span", null, heldWords(queue.limits))) : null,
    h("p", { class: "unseen", role: "status" }, queue.said),
    h("ol", { key: "under", class: "rows" }, under.map((download) => lazy(download.id, underWay, act, download, value.names.get(download.model), queue.dragged, queue.over === download.id && queue.dragged !== download.id, queue.faults[`max_bytes_per_s:${download.id}`], queue.faults[`priority:${download.id}`]))),
    value.live.known ? [limitsForm(act, queue), leftovers(act, queue, value.busy.has("leftovers"))] : null,
    ended.length
      ? h(
          "section",
          { key: "ended", "aria-labelledby": "ended" },
          h("div", { class: "bar" }, h("h2", { id: "ended", class: "group" }, "Ended"), h("button", { type: "button", class: "button plain", onclick: () => act.forgetEnded(ended) }, "Clear the list")),
          h("ul", { class: "rows" }, ended.map((download) => lazy(download.id, over, act, download, value.names.get(download.model)))),
        )
      : null,
  );
}

/** Why nothing runs outside the hours of the schedule. @param {import("../types/daemon").DownloadLimits} limits */
function heldWords({ held_until: until, schedule }) {
  return `Nothing is downloaded before ${clock(until)}: the limits allow it only from ${(schedule ?? "").replace("-", " to ")}.`;
}

/** @param {any[]} under @param {any[]} going */
function summary(under, going) {
  if (!under.length) return "Nothing is being downloaded";
  const rate = going.reduce((sum, download) => sum + (download.progress.rate_bytes_per_s || 0), 0);
  return [plural(under.length, "download"), under.length > going.length ? `${under.length - going.length} paused` : null, rate ? `${bytes(rate)}/s` : null].filter(Boolean).join(" · ");
}

/** @param {any} download @param {string | undefined} name */
function title(download, name) {
  const [publisher, short] = modelParts(download.model);
  return h("div", { class: "who" }, h("h2", null, name ?? short), h("p", { class: "publisher" }, `${publisher} · ${optionWord(download.option)} · version ${download.version}`));
}

/** @param {any} act @param {any} download @param {string | undefined} name @param {string | null} dragged id of what is dragged @param {boolean} over whether that is above this @param {string | undefined} rate what was wrong with the rate asked for @param {string | undefined} priority and with the priority */
function underWay(act, download, name, dragged, over, rate, priority) {
  const said = name ?? download.model;
  const waits = download.position > 0;
  return h(
    "li",
    {
      class: `row queued-row${over ? " over" : ""}${dragged === download.id ? " dragged" : ""}`,
      "data-model": download.model,
      draggable: waits ? "true" : null,
      ondragstart: (/** @type {DragEvent} */ event) => {
        event.dataTransfer?.setData("text/plain", download.id);
        act.drag(download.id);
      },
      ondragend: () => act.drag(null),
      ondragover: (/** @type {DragEvent} */ event) => {
        if (!dragged || !waits) return;
        event.preventDefault();
        act.dragOver(download.id);
      },
      ondrop: (/** @type {DragEvent} */ event) => {
        event.preventDefault();
        act.dropOn(dragged, download);
      },
    },
    handle(act, download, said),
    h("div", { class: "row-main" }, title(download, name), progressBar(download, said), ownLimits(act, download, { rate, priority }, said)),
    h("div", { class: "row-buttons", "data-focus-home": true }, downloadButtons(act, download, said)),
  );
}

/** @type {Record<string, number>} */
const STEPS = { ArrowUp: -1, ArrowDown: 1, Home: -1e6, End: 1e6 };

/** Where it is held to be moved, by pointer or by arrow keys; there too while its turn is, so that focus stays. @param {any} act @param {any} download @param {string} said */
function handle(act, download, said) {
  const waits = download.position > 0;
  return h(
    "button",
    {
      key: "handle",
      type: "button",
      class: "button square plain handle",
      title: waits ? "Drag it, or move it with the arrow keys" : "It has its turn: only what waits is moved",
      "aria-disabled": waits ? null : "true",
      "aria-label": waits ? `Move ${said}, number ${download.position} in the queue: arrow keys` : `${said} has its turn`,
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const by = STEPS[event.key];
        if (by === undefined || !waits) return;
        event.preventDefault();
        act.shift(download, by, said);
      },
    },
    icon("grip"),
  );
}

/** @param {any} act @param {any} download @param {string | undefined} name */
function over(act, download, name) {
  const end = ENDS[download.state] ?? ENDS.cancelled;
  return h(
    "li",
    { class: "row", "data-model": download.model },
    h(
      "div",
      { class: "row-main" },
      h("div", { class: "title-line" }, title(download, name), h("span", { class: `badge ${end.tone}` }, icon(end.icon), end.word)),
      download.state === "failed"
        ? h("p", { key: "why", class: "trouble" }, progressWords(download)[0])
        : h("p", { key: "when", class: "facts" }, [download.progress.total_bytes ? bytes(download.progress.total_bytes) : null, day(download.updated_at)].filter(Boolean).map((fact) => h("span", { key: String(fact) }, fact))),
    ),
    h("div", { class: "row-buttons", "data-focus-home": true }, downloadButtons(act, download, name ?? download.model)),
  );
}
