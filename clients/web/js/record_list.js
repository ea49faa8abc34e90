// @ts-check
import { OUTCOMES, asked, gapWords, seconds, withGaps } from "./activity_figures.js";
import { h, lazy } from "./dom.js";
import { icon } from "./icons.js";
import { choice, markButtons } from "./record_dialogs.js";
import { instant, plural } from "./text.js";

/** @type {Record<string, {tone: string, icon: "check" | "warn" | "stop"}>} */
const LOOKS = { pass: { tone: "ok", icon: "check" }, fail: { tone: "bad", icon: "warn" }, cancelled: { tone: "plain", icon: "stop" } };
const CONTENT = { preview: "Preview kept", whole: "Content kept" };

/** Requests one by one, and the gaps between them. @param {any} act @param {any} value */
export function recordList(act, value) {
  const { activity, route, names, busy } = value;
  const { items, next, total, gaps, loading, newer } = activity;
  const { outcome } = asked(route);
  return h(
    "section",
    { key: "records", "aria-label": "Requests" },
    h(
      "div",
      { class: "bar wraps" },
      h("p", { class: "summary", role: "status" }, items ? (total ? plural(total, "request") : "") : "Reading…"),
      newer && items ? h("button", { key: "newer", type: "button", class: "button small", onclick: act.showNewer }, icon("retry"), "Show newer requests") : null,
      h("span", { class: "bar-buttons" }, choice("Outcome", outcome, { "": "All outcomes", ...OUTCOMES }, (chosen) => act.narrowRecords({ outcome: chosen }), true)),
    ),
    items && !items.length ? h("div", { key: "empty", class: "empty" }, h("p", null, "No request in this time is like this. What applications ask of models here is listed as it happens.")) : null,
    h(
      "ul",
      { key: "rows", class: "records", "aria-busy": String(loading) },
      withGaps(items ?? [], gaps, next !== null).map((one) => ("gap" in one ? lazy(`gap-${one.gap.since}`, gapRow, one.gap) : lazy(one.record.id, row, act, one.record, names.get(one.record.model), busy.has(`record:${one.record.id}`)))),
    ),
    next ? h("p", { key: "more", class: "more" }, h("button", { type: "button", class: "button", disabled: loading, onclick: act.moreRecords }, `Show more of ${total.toLocaleString("en")}`)) : null,
  );
}

/** @param {import("../types/daemon").Gap} gap */
function gapRow(gap) {
  return h("li", { class: "record gap-row" }, icon("warn"), h("span", null, gapWords(gap, instant)));
}

/** @param {any} act @param {import("../types/daemon").Record} record @param {string | undefined} name @param {boolean} busy */
function row(act, record, name, busy) {
  const look = LOOKS[record.outcome] ?? LOOKS.fail;
  const open = (/** @type {Event} */ event) => {
    event.preventDefault();
    act.openRecord(record.id);
  };
  const facts = [
    record.app,
    record.node ? `step ${record.node}` : null,
    record.prompt_tokens || record.completion_tokens ? `${(record.prompt_tokens ?? 0).toLocaleString("en")} → ${plural(record.completion_tokens ?? 0, "token")}` : null,
    record.ttft_s ? `first after ${seconds(record.ttft_s)}` : null,
    record.tokens_per_s ? `${record.tokens_per_s.toFixed(1)} tokens/s` : null,
    seconds(record.latency_s),
    record.code,
  ];
  return h(
    "li",
    { class: "record", "data-record": record.id },
    h(
      "div",
      { class: "row-main" },
      h("p", { class: "record-name" }, h("a", { class: "opens", href: `#/activity?record=${record.id}`, onclick: open }, name ?? record.model ?? record.route), h("time", { class: "from", datetime: record.at }, instant(record.at))),
      h("p", { class: "facts" }, facts.map((fact, at) => (fact ? h("span", { key: at }, fact) : null))),
    ),
    record.content ? h("span", { key: "content", class: "badge small warn" }, icon("lock"), CONTENT[record.content]) : null,
    h("span", { class: `badge small ${look.tone}` }, icon(look.icon), OUTCOMES[record.outcome] ?? record.outcome),
    markButtons(act, record, busy),
  );
}
