// @ts-check
/**
 * Figures over time and intervals, as SVG. Pure: numbers in, a description for the renderer out. Lines differ by colour
 * and by dashes, every drawing says in words what it shows, and the same figures stand below it as a table.
 */
import { h } from "./dom.js";
import { icon } from "./icons.js";

const WIDTH = 1000;
const HEIGHT = 200;
/** As many lines as there are looks for one (`.line-0` to `.line-5`). */
export const LOOKS = 6;

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {[number, number | null][]} points when a step begins, in milliseconds, and its value; in order
 */
/**
 * @typedef {object} Plot
 * @property {string} id of the element; plots of one page differ in it
 * @property {string} title
 * @property {string} [unit] as it follows a number, such as `tokens/s`
 * @property {number} since milliseconds
 * @property {number} until milliseconds
 * @property {number} stepMs how long a point lasts
 * @property {Line[]} lines
 * @property {boolean} [counts] whole numbers: a step without a point is nought, and they add up
 * @property {{since: number, until: number, words: string}[]} [gaps] times of which not everything is known
 * @property {(value: number) => string} [format]
 * @property {boolean} [table] whether the table stands open
 * @property {(open: boolean) => void} [onTable]
 */

/** The least of 1, 2, 4, 5, 6, 8 or 10 times a power of ten that is not below `value`; 1 for nothing. @param {number} value @param {boolean} [whole] an even whole number */
export function ceiling(value, whole = false) {
  if (!(value > 0) || !Number.isFinite(value)) return whole ? 2 : 1;
  if (whole && value <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const times of [1, 2, 4, 5, 6, 8, 10]) {
    const found = times * power;
    if (found >= value * (1 - 1e-9) && !(whole && found % 2)) return found;
  }
  return 20 * power;
}

/** Every step from `since` to `until` with its value: of counts nought where there is none, else null. @param {Line} line @param {Plot} plot @returns {[number, number | null][]} */
export function filled(line, { since, until, stepMs, counts }) {
  const known = new Map(line.points);
  /** @type {[number, number | null][]} */
  const out = [];
  for (let at = since; at < until; at += stepMs) out.push([at, known.get(at) ?? (counts ? 0 : null)]);
  return out;
}

/** A path that is level for the length of each step, broken where nothing is known. @param {[number, number | null][]} points @param {Plot} plot @param {number} top the value at the upper edge */
export function steps(points, { since, until, stepMs }, top) {
  const x = (/** @type {number} */ at) => round((WIDTH * (at - since)) / Math.max(1, until - since));
  let path = "";
  let drawing = false;
  for (const [at, value] of points) {
    if (value === null) drawing = false;
    else {
      const y = round(HEIGHT - (HEIGHT * Math.min(value, top)) / top);
      path += `${drawing ? `V${y}` : `M${x(at)} ${y}`}H${x(Math.min(at + stepMs, until))}`;
      drawing = true;
    }
  }
  return path;
}

/** @param {number} value */
const round = (value) => Math.round(value * 10) / 10;

/** A plot, its legend and its table. @param {Plot} plot */
export function figure(plot) {
  const { id, title, unit = "", counts = false, format = plain } = plot;
  const lines = plot.lines.slice(0, LOOKS).map((line) => ({ ...line, points: filled(line, plot) }));
  const top = ceiling(Math.max(0, ...lines.flatMap((line) => line.points.map(([, value]) => value ?? 0))), counts);
  const said = (/** @type {number} */ value) => `${format(value)}${unit && ` ${unit}`}`;
  return h(
    "figure",
    { class: "plot", "aria-labelledby": `${id}-title` },
    h("figcaption", null, h("h2", { id: `${id}-title` }, title), h("span", { class: "from" }, inAll(lines, counts, said))),
    h(
      "div",
      { class: "plot-area" },
      h("ul", { class: "plot-y", "aria-hidden": "true" }, [top, top / 2, 0].map((value) => h("li", { key: value }, format(value)))),
      h(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-labelledby": `${id}-name ${id}-desc` },
        h("title", { id: `${id}-name` }, title),
        h("desc", { id: `${id}-desc` }, described(plot, lines, said)),
        [0, HEIGHT / 2, HEIGHT].map((y) => h("line", { key: `grid-${y}`, class: "grid", x1: "0", x2: WIDTH, y1: y, y2: y })),
        (plot.gaps ?? []).map((gap, at) => gapMark(gap, plot, at)),
        lines.map((line, at) => h("path", { key: line.name, class: `line line-${at}`, d: steps(line.points, plot, top) })),
      ),
      h("ul", { class: "plot-x", "aria-hidden": "true" }, [0, 1, 2, 3].map((at) => h("li", { key: at }, moment(plot.since + ((plot.until - plot.since) * at) / 3, plot)))),
    ),
    lines.length > 1 ? legend(lines) : null,
    tableOf(plot, lines, format),
  );
}

/** @param {number} value */
function plain(value) {
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
}

/** @param {Line[]} lines @param {boolean} counts @param {(value: number) => string} said */
function inAll(lines, counts, said) {
  const values = lines.flatMap((line) => line.points.flatMap(([, value]) => (value === null ? [] : [value])));
  if (!values.length) return "nothing in this time";
  if (counts) return `${said(values.reduce((sum, value) => sum + value, 0))} in all`;
  const [least, most] = [said(Math.min(...values)), said(Math.max(...values))];
  return least === most ? least : `${least} to ${most}`;
}

/** What the drawing shows, in words. @param {Plot} plot @param {Line[]} lines @param {(value: number) => string} said */
export function described(plot, lines, said) {
  const parts = lines.map((line) => {
    const known = line.points.filter(([, value]) => value !== null);
    if (!known.length) return `${line.name}: nothing.`;
    const [at, most] = known.reduce((best, point) => ((point[1] ?? 0) > (best[1] ?? 0) ? point : best));
    return `${line.name}: at most ${said(most ?? 0)}, at ${moment(at, plot)}.`;
  });
  const gaps = plot.gaps?.length ? ` ${plot.gaps.length === 1 ? "One gap" : `${plot.gaps.length} gaps`}, where not everything is known.` : "";
  return `From ${moment(plot.since, plot)} to ${moment(plot.until, plot)}. ${parts.join(" ")}${gaps}`;
}

/** @param {{since: number, until: number, words: string}} gap @param {Plot} plot @param {number} at */
function gapMark(gap, { since, until }, at) {
  const x = (/** @type {number} */ time) => round((WIDTH * (Math.min(Math.max(time, since), until) - since)) / Math.max(1, until - since));
  const from = x(gap.since);
  return h("rect", { key: `gap-${at}`, class: "gap", x: from, y: "0", width: Math.max(4, x(gap.until) - from), height: HEIGHT }, h("title", null, gap.words));
}

/** @param {Line[]} lines */
function legend(lines) {
  return h(
    "ul",
    { class: "plot-legend" },
    lines.map((line, at) => h("li", { key: line.name }, h("svg", { viewBox: "0 0 24 8", "aria-hidden": "true" }, h("path", { class: `line line-${at}`, d: "M0 4H24" })), h("span", null, line.name))),
  );
}

/** The same figures as a table; made when it is opened. @param {Plot} plot @param {Line[]} lines @param {(value: number) => string} format */
function tableOf(plot, lines, format) {
  const { title, unit, stepMs, since, until } = plot;
  const times = [];
  for (let at = since; at < until; at += stepMs) if (lines.some((line) => line.points[stepOf(at, plot)]?.[1])) times.push(at);
  return h(
    "details",
    { class: "plot-table", open: plot.table ?? false, ontoggle: (/** @type {any} */ event) => plot.onTable?.(event.currentTarget.open) },
    h("summary", { "aria-label": `${title} as a table` }, "As a table"),
    plot.table
      ? h(
          "div",
          { class: "scrolls", tabindex: "0", role: "region", "aria-label": `${title}, table` },
          h(
            "table",
            null,
            h("thead", null, h("tr", null, h("th", { scope: "col" }, "Time"), lines.map((line) => h("th", { key: line.name, scope: "col", class: "figure" }, line.name + (unit ? `, ${unit}` : ""))))),
            h(
              "tbody",
              null,
              times.map((at) => h("tr", { key: at }, h("th", { scope: "row" }, moment(at, plot)), lines.map((line) => h("td", { key: line.name, class: "figure" }, shown(line.points[stepOf(at, plot)]?.[1] ?? null, format))))),
              (plot.gaps ?? []).map((gap, at) => h("tr", { key: `gap-${at}` }, h("td", { colspan: lines.length + 1 }, icon("warn"), ` ${gap.words}`))),
            ),
          ),
        )
      : null,
  );
}

/** @param {number} at @param {Plot} plot */
const stepOf = (at, { since, stepMs }) => Math.round((at - since) / stepMs);

/** @param {number | null} value @param {(value: number) => string} format */
const shown = (value, format) => (value === null ? "–" : format(value));

/** A time as short as its plot allows. @param {number} at @param {{since: number, until: number, stepMs: number}} plot */
export function moment(at, { since, until, stepMs }) {
  const date = new Date(at);
  if (stepMs >= 86_400_000) return date.toLocaleDateString(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
  const time = date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return until - since > 86_400_000 ? `${date.toLocaleDateString(undefined, { weekday: "short", day: "numeric" })}, ${time}` : time;
}

/**
 * Where a comparison lies, with its interval, beside "no difference".
 * @param {{kind: "difference" | "ratio" | "wins", estimate: number | null, interval: {low: number, high: number} | null, words: string}} what
 */
export function intervalBar({ kind, estimate, interval, words }) {
  if (estimate === null || !interval) return h("span", { class: "from" }, "–");
  const place = placing(kind, [estimate, interval.low, interval.high]);
  const [low, high, middle, nothing] = [interval.low, interval.high, estimate, kind === "ratio" ? 1 : kind === "wins" ? 0.5 : 0].map(place);
  return h(
    "svg",
    { class: "interval", viewBox: "0 0 200 20", preserveAspectRatio: "none", role: "img", "aria-label": words },
    h("line", { class: "nothing", x1: nothing, x2: nothing, y1: "0", y2: "20" }),
    h("line", { class: "range", x1: low, x2: Math.max(high, low + 1), y1: "10", y2: "10" }),
    [low, high].map((x, at) => h("line", { key: `end-${at}`, class: "range", x1: x, x2: x, y1: "5", y2: "15" })),
    h("line", { class: "middle", x1: middle, x2: middle, y1: "3", y2: "17" }),
  );
}

/** From a value to its place from 0 to 200, "no difference" in the middle. @param {"difference" | "ratio" | "wins"} kind @param {number[]} values */
export function placing(kind, values) {
  if (kind === "wins") return (/** @type {number} */ value) => round(200 * Math.min(1, Math.max(0, value)));
  const turned = kind === "ratio" ? (/** @type {number} */ value) => Math.log2(Math.max(value, 1e-6)) : (/** @type {number} */ value) => value;
  const reach = Math.max(kind === "ratio" ? 0.5 : 0, ...values.map((value) => Math.abs(turned(value)))) || 1;
  return (/** @type {number} */ value) => round(100 + (96 * turned(value)) / reach);
}
