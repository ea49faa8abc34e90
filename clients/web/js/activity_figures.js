// @ts-check
/** What the Activity tab asks for and what it makes of the answers. Values in, values out. */
import { plural } from "./text.js";

/** @typedef {import("../types/daemon").RecordSeries} RecordSeries */
/** @typedef {import("../types/daemon").RecordStats} RecordStats */
/** @typedef {import("../types/daemon").Gap} Gap */
/** @typedef {import("../types/daemon").Record} Recorded */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LINES = 5;
/** @type {Record<string, {word: string, step: "minute" | "hour" | "day", ms: number}>} */
export const PERIODS = {
  hour: { word: "The last hour", step: "minute", ms: HOUR_MS },
  day: { word: "The last 24 hours", step: "hour", ms: DAY_MS },
  week: { word: "The last 7 days", step: "hour", ms: 7 * DAY_MS },
  month: { word: "The last 30 days", step: "day", ms: 30 * DAY_MS },
  year: { word: "The last 365 days", step: "day", ms: 365 * DAY_MS },
};
export const STEP_MS = { minute: 60_000, hour: HOUR_MS, day: DAY_MS };
/** @type {Record<string, string>} */
export const BYS = { none: "All together", model: "By model", app: "By application", node: "By step" };
/** @type {Record<string, string>} */
export const OUTCOMES = { pass: "Answered", fail: "Failed", cancelled: "Cancelled" };

/** What an address says of this tab; what makes no sense there is as if it were not. @param {any} route */
export function asked(route) {
  return {
    period: Object.hasOwn(PERIODS, route.period ?? "") ? route.period : "day",
    by: Object.hasOwn(BYS, route.by ?? "") ? route.by : "none",
    outcome: Object.hasOwn(OUTCOMES, route.outcome ?? "") ? route.outcome : "",
    narrowed: { model: route.of ?? "", app: route.app ?? "", node: route.node ?? "" },
    q: (route.q ?? "").trim(),
  };
}

/** @param {Record<string, any>} wanted */
const query = (wanted) => new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== "" && value !== undefined)).toString();

/** @param {any} route @param {number} now milliseconds */
const sinceOf = (route, now) => new Date(now - PERIODS[asked(route).period].ms).toISOString();

/** @param {any} route @param {number} now */
export function seriesPath(route, now) {
  const { period, by, narrowed } = asked(route);
  return `/records/series?${query({ by, step: PERIODS[period].step, since: sinceOf(route, now), until: new Date(now).toISOString(), lines: LINES, ...narrowed })}`;
}

/** @param {any} route @param {number} now */
export function statsPath(route, now) {
  const { by, narrowed } = asked(route);
  return `/records/stats?${query({ by: by === "none" ? "model" : by, since: sinceOf(route, now), limit: 20, ...narrowed })}`;
}

/** @param {any} route @param {number} now @param {string | null} [after] */
export function listPath(route, now, after = null) {
  const { narrowed, outcome, q } = asked(route);
  return `/records?${query({ ...narrowed, outcome, q, since: sinceOf(route, now), limit: 30, after: after ?? "" })}`;
}

/** A name for a group: of the requests without one, and of all that have no line of their own. @param {{key: string | null, rest?: boolean}} group @param {string} by @param {ReadonlyMap<string, string>} names of models */
export function groupName({ key, rest = false }, by, names) {
  if (rest) return "All others";
  if (by === "none") return "All requests";
  if (key === null) return { model: "No model", app: "No application named", node: "No step named" }[by] ?? "None";
  return (by === "model" && names.get(key)) || key;
}

/** The lines of one figure, as a plot takes them. @param {RecordSeries} series @param {ReadonlyMap<string, string>} names @param {(point: import("../types/daemon").Point) => number | null} pick @returns {import("./plot.js").Line[]} */
export function linesOf(series, names, pick) {
  const seen = new Map();
  return series.lines.map((line) => {
    const name = groupName(line, series.by, names);
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return { name: seen.get(name) > 1 ? `${name} (${line.key ?? seen.get(name)})` : name, points: line.points.map((point) => /** @type {[number, number | null]} */ ([Date.parse(point.at), pick(point)])) };
  });
}

const REASONS = { queue_full: "more came than could be written", not_written: "they could not be written to disk", set_aside: "the records could not be read and were begun anew" };

/** @param {Gap} gap @param {(rfc3339: string) => string} time */
export function gapWords(gap, time) {
  const what = gap.requests ? `${plural(gap.requests, "request")} not recorded` : "requests may be missing";
  const when = Date.parse(gap.since) > 0 ? `${time(gap.since)} to ${time(gap.until)}` : `Before ${time(gap.until)}`;
  return `${when}: ${what}, because ${REASONS[gap.reason] ?? gap.reason}.`;
}

/** When a gap was, in milliseconds; one whose beginning nobody knows is marked where it ended. @param {Gap} gap */
export function gapSpan(gap) {
  const [since, until] = [Date.parse(gap.since), Date.parse(gap.until)];
  return { since: since > 0 ? since : until, until };
}

/** Records and the gaps between them, the newest first; gaps older than the last record wait where there are `more`.
 * @param {readonly Recorded[]} items @param {readonly Gap[]} gaps @param {boolean} more @returns {({record: Recorded} | {gap: Gap})[]} */
export function withGaps(items, gaps, more) {
  const waiting = [...gaps].sort((a, b) => (a.until < b.until ? 1 : -1));
  /** @type {({record: Recorded} | {gap: Gap})[]} */
  const out = [];
  for (const record of items) {
    while (waiting.length && Date.parse(waiting[0].until) >= Date.parse(record.at)) out.push({ gap: /** @type {Gap} */ (waiting.shift()) });
    out.push({ record });
  }
  return more ? out : [...out, ...waiting.map((gap) => ({ gap }))];
}

/** @param {RecordStats["total"]} total */
export function totalWords(total) {
  if (!total.requests) return "No requests";
  const parts = [plural(total.requests, "request"), `${percent(total.passed / total.requests)} answered`];
  if (total.failed) parts.push(`${total.failed.toLocaleString("en")} failed`);
  if (total.cancelled) parts.push(`${total.cancelled.toLocaleString("en")} cancelled`);
  return parts.join(" · ");
}

/** `98.2 %`; nothing short of all is told as 100 %. @param {number} share 0 to 1 */
export function percent(share) {
  const value = 100 * share;
  const digits = value > 99 || value < 10 ? 1 : 0;
  const kept = share < 1 ? Math.min(value, digits ? 99.9 : 99) : value;
  return `${kept.toFixed(digits).replace(/\.0$/, "")} %`;
}

/** `0.42 s`, `12 s`. @param {number | null | undefined} seconds */
export function seconds(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  return `${seconds < 0.995 ? seconds.toFixed(2) : seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds).toLocaleString("en")} s`;
}

/** Whose content is kept, in words. @param {import("../types/daemon").AuditRule} rule */
export function ruleWords(rule) {
  const [kind, name] = rule.node !== null && rule.node !== undefined ? ["step", rule.node] : rule.app !== null && rule.app !== undefined ? ["application", rule.app] : ["model", rule.model];
  return `${rule.keep === "whole" ? "The whole content" : "A preview"} of what the ${kind} ${name} asks or answers, for ${plural(rule.max_age_days ?? 7, "day")}`;
}
