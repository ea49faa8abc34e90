// @ts-check
/** The Activity tab: what passed the gateway, over time and one by one. */
import { BYS, PERIODS, STEP_MS, asked, gapSpan, gapWords, groupName, linesOf, percent, ruleWords, seconds, totalWords } from "./activity_figures.js";
import { searchBox } from "./browse.js";
import { h, lazy } from "./dom.js";
import { icon } from "./icons.js";
import { figure, moment } from "./plot.js";
import { choice, recordDialog } from "./record_dialogs.js";
import { recordList } from "./record_list.js";
import { bytes, count } from "./text.js";

/** @typedef {import("../types/daemon").Point} Point */

/** @type {{id: string, title: string, unit?: string, counts?: boolean, pick: (point: Point) => number | null}[]} */
const PLOTS = [
  { id: "requests", title: "Requests", counts: true, pick: (point) => point.requests },
  { id: "tokens", title: "Tokens", counts: true, pick: (point) => point.prompt_tokens + point.completion_tokens },
  { id: "speed", title: "Speed", unit: "tokens/s", pick: (point) => point.tokens_per_s },
  { id: "failures", title: "Failures", counts: true, pick: (point) => point.failed },
  { id: "first", title: "Time to the first token", unit: "s", pick: (point) => point.ttft_s },
  { id: "latency", title: "Time to the end", unit: "s", pick: (point) => point.latency_s },
];

/** @param {any} act @param {any} value */
export function show(act, value) {
  const { activity, route, live, names } = value;
  const { period, by, narrowed } = asked(route);
  const summary = live.records;
  return h(
    "div",
    { class: "content only activity" },
    h("h1", { class: "unseen" }, "Activity"),
    h(
      "div",
      { class: "bar wraps" },
      choice("Time", period, Object.fromEntries(Object.entries(PERIODS).map(([key, { word }]) => [key, word])), (chosen) => act.narrowRecords({ period: chosen }), true),
      choice("Lines", by, BYS, (chosen) => act.narrowRecords({ by: chosen }), true),
      h(
        "span",
        { class: "bar-buttons" },
        h("button", { type: "button", class: "button", onclick: act.openAudit }, icon("lock"), "Content…"),
        h("button", { type: "button", class: "button", onclick: act.openExport }, icon("down"), "Export…"),
        h("button", { type: "button", class: "button", onclick: act.openPurge }, icon("trash"), "Delete…"),
      ),
    ),
    h("p", { class: "summary", role: activity.stats ? null : "status" }, activity.stats ? [totalWords(activity.stats.total), summary ? ` · ${count(summary.records)} kept in ${bytes(summary.size_bytes)}` : ""] : activity.error ? "" : "Reading…"),
    standing(summary),
    narrowing(act, narrowed),
    activity.error ? h("p", { key: "error", class: "trouble", role: "alert" }, icon("warn"), h("span", null, activity.error), h("button", { type: "button", class: "button small", onclick: act.readActivity }, "Try again")) : null,
    lazy("plots", plots, act, activity.series, names, activity.tables),
    lazy("groups", groups, act, activity.stats, names),
    h("div", { key: "records-bar", class: "bar records-bar" }, h("h2", { class: "group" }, "Requests"), searchBox(act, route, "Search requests")),
    recordList(act, value),
    recordDialog(act, value),
  );
}

/** What is wrong with recording, and whose content is kept. @param {import("../types/daemon").RecordsSummary | null} summary */
function standing(summary) {
  if (!summary) return null;
  const audit = summary.audit ?? [];
  return [
    summary.state === "off" ? h("p", { key: "off", class: "note" }, icon("info"), h("span", null, "Requests are not recorded: the configuration says so (records.enabled).")) : null,
    (summary.warnings ?? []).map((warning) => h("p", { key: warning, class: "trouble" }, icon("warn"), h("span", null, warning))),
    audit.length ? h("section", { key: "audit", class: "audit-on", "aria-label": "Content audit" }, h("p", null, icon("warn"), h("strong", null, "Content audit is on.")), h("ul", { class: "lines" }, audit.map((rule, at) => h("li", { key: at }, `${ruleWords(rule)}.`)))) : null,
  ];
}

/** @param {any} act @param {Record<string, string>} narrowed */
function narrowing(act, narrowed) {
  const words = { model: "Model", app: "Application", node: "Step" };
  const set = Object.entries(narrowed).filter(([, name]) => name);
  if (!set.length) return null;
  return h(
    "ul",
    { key: "narrowed", class: "narrowed", "aria-label": "Only these" },
    set.map(([kind, name]) => h("li", { key: kind }, h("button", { type: "button", class: "button small", "aria-label": `No longer only ${name}`, onclick: () => act.narrowRecords({ [kind === "model" ? "of" : kind]: "" }) }, `${words[/** @type {"model"} */ (kind)]}: ${name}`, icon("cross")))),
  );
}

/** @param {any} act @param {import("../types/daemon").RecordSeries | null} series @param {ReadonlyMap<string, string>} names @param {ReadonlySet<string>} tables */
function plots(act, series, names, tables) {
  if (!series) return h("div", { class: "plots" });
  const span = { since: Date.parse(series.since), until: Date.parse(series.until), stepMs: STEP_MS[series.step] };
  const gaps = (series.gaps ?? []).filter((gap) => Date.parse(gap.until) >= span.since).map((gap) => ({ ...gapSpan(gap), words: gapWords(gap, (time) => moment(Date.parse(time), { ...span, stepMs: 60_000 })) }));
  return h(
    "div",
    { class: "plots" },
    PLOTS.map(({ pick, ...plot }) => h("div", { key: plot.id, class: "panel" }, figure({ ...plot, ...span, gaps, lines: linesOf(series, names, pick), format: plot.counts ? count : undefined, table: tables.has(plot.id), onTable: (open) => act.plotTable(plot.id, open) }))),
    gaps.length ? h("ul", { key: "gaps", class: "lines gaps", "aria-label": "Gaps" }, gaps.map((gap, at) => h("li", { key: at, class: "trouble" }, icon("warn"), h("span", null, gap.words)))) : null,
  );
}

/** Sums by model, application or step. @param {any} act @param {import("../types/daemon").RecordStats | null} stats @param {ReadonlyMap<string, string>} names */
function groups(act, stats, names) {
  if (!stats?.groups.length) return h("div", { class: "no-groups" });
  const { by } = stats;
  const head = /** @type {Record<string, string>} */ ({ model: "Model", app: "Application", node: "Step" })[by] ?? by;
  return h(
    "section",
    { class: "panel", "aria-label": `By ${head.toLowerCase()}` },
    h(
      "div",
      { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Sums" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, [head, "Requests", "Answered", "Tokens in", "Tokens out", "First token", "Tokens/s", "Took", "Took, 90 %", "Marks"].map((word, at) => h("th", { key: word, scope: "col", class: at ? "figure" : null }, word)))),
        h("tbody", null, stats.groups.map((group) => h("tr", { key: group.key ?? "" }, h("th", { scope: "row" }, groupCell(act, group.key, by, names)), figures(group.totals).map((text, at) => h("td", { key: at, class: "figure" }, text))))),
      ),
    ),
    stats.more ? h("p", { class: "from" }, `${stats.more} more are not shown.`) : null,
  );
}

/** @param {any} act @param {string | null} key @param {string} by @param {ReadonlyMap<string, string>} names */
function groupCell(act, key, by, names) {
  const name = groupName({ key }, by, names);
  if (key === null || !(by in BYS)) return name;
  return h("button", { type: "button", class: "button plain small", "aria-label": `Only ${name}`, onclick: () => act.narrowRecords({ [by === "model" ? "of" : by]: key }) }, name);
}

/** @param {import("../types/daemon").Totals} totals */
function figures(totals) {
  const { requests, passed, prompt_tokens, completion_tokens, ttft_s, tokens_per_s, latency_s, good, bad } = totals;
  return [
    (requests ?? 0).toLocaleString("en"),
    requests ? percent((passed ?? 0) / requests) : "–",
    count(prompt_tokens ?? 0),
    count(completion_tokens ?? 0),
    seconds(ttft_s?.p50),
    tokens_per_s ? tokens_per_s.p50.toFixed(1) : "–",
    seconds(latency_s?.p50),
    seconds(latency_s?.p90),
    good || bad ? `${good ?? 0} good, ${bad ?? 0} bad` : "–",
  ];
}
