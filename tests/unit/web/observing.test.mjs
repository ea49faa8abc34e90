import assert from "node:assert/strict";
import { test } from "node:test";

import { asked, gapSpan, gapWords, groupName, linesOf, listPath, percent, ruleWords, seconds, seriesPath, statsPath, totalWords, withGaps } from "../../../clients/web/js/activity_figures.js";
import { createKeeping, drafted, endOf, ruleOf } from "../../../clients/web/js/keeping.js";
import { createRecording } from "../../../clients/web/js/recording.js";
import { formatRoute, parseRoute } from "../../../clients/web/js/routes.js";
import { NOTHING, reduce } from "../../../clients/web/js/state.js";
import { createStore } from "../../../clients/web/js/store.js";
import { countWords, estimateWords, figureWord, intervalWords, markOf, neededWords, shareWords, startOf, valueWords } from "../../../clients/web/js/trial_words.js";
import { contenders } from "../../../clients/web/js/trialing.js";
import { createTrying } from "../../../clients/web/js/trying.js";

const NOW = Date.UTC(2026, 10, 2, 12, 0);

test("what the Activity tab shows is in its address", () => {
  for (const hash of ["#/activity?period=week&by=app&of=a/b&app=editor&node=draft&outcome=fail&record=r1", "#/trials?pane=blind&trial=t1"]) assert.equal(formatRoute(parseRoute(hash)), hash);
  assert.deepEqual(asked(parseRoute("#/activity?period=evil&by=constructor&outcome=toString")), { period: "day", by: "none", outcome: "", narrowed: { model: "", app: "", node: "" }, q: "" });
});

test("each period is asked for in steps that a plot can show", () => {
  const steps = ["hour", "day", "week", "month", "year"].map((period) => new URLSearchParams(seriesPath({ period }, NOW).split("?")[1]));
  assert.deepEqual(steps.map((query) => query.get("step")), ["minute", "hour", "hour", "day", "day"]);
  assert.deepEqual(steps.map((query) => (NOW - Date.parse(query.get("since"))) / 3_600_000), [1, 24, 168, 720, 8760]);
  assert.ok(statsPath({ by: "none" }, NOW).includes("by=model") && statsPath({ by: "node" }, NOW).includes("by=node"));
  assert.equal(new URLSearchParams(listPath({ q: " a&b ", of: "p/m", outcome: "fail" }, NOW, "c=").split("?")[1]).toString(), `model=p%2Fm&outcome=fail&q=a%26b&since=2026-11-01T12%3A00%3A00.000Z&limit=30&after=c%3D`);
});

test("groups have names, also those without one, and lines of one name stay apart", () => {
  const names = new Map([["p/a", "Zebra"], ["p/b", "Zebra"]]);
  assert.deepEqual([{ key: "p/a" }, { key: "p/x" }, { key: null }, { key: null, rest: true }].map((group) => groupName(group, "model", names)), ["Zebra", "p/x", "No model", "All others"]);
  const point = { at: "2026-11-02T12:00:00Z", requests: 4 };
  const lines = linesOf({ by: "model", lines: [{ key: "p/a", points: [point] }, { key: "p/b", points: [] }] }, names, (one) => one.requests);
  assert.deepEqual(lines, [{ name: "Zebra", points: [[NOW, 4]] }, { name: "Zebra (p/b)", points: [] }]);
});

test("gaps stand between the records that they lie between", () => {
  const record = (minute) => ({ id: String(minute), at: `2026-11-02T12:0${minute}:00Z` });
  const gap = (since, until) => ({ since: `2026-11-02T12:0${since}:00Z`, until: `2026-11-02T12:0${until}:00Z`, requests: 2, reason: "not_written" });
  const order = (list) => list.map((one) => ("gap" in one ? `gap ${one.gap.until.slice(14, 16)}` : one.record.id));
  const records = [record(9), record(5), record(3)];
  const gaps = [gap(1, 2), gap(6, 7)];
  assert.deepEqual(order(withGaps([record(9), record(1)], [...gaps, gap(3, 4)], false)), ["9", "gap 07", "gap 04", "gap 02", "1"]);
  assert.deepEqual(order(withGaps(records, gaps, false)), ["9", "gap 07", "5", "3", "gap 02"]);
  assert.deepEqual(order(withGaps(records, gaps, true)), ["9", "gap 07", "5", "3"], "an older gap waits for what is on the next page");
  assert.equal(gapWords(gaps[0], (time) => time.slice(11, 16)), "12:01 to 12:02: 2 requests not recorded, because they could not be written to disk.");
  assert.equal(gapWords({ since: "1970-01-01T00:00:00.000Z", until: gaps[0].until, requests: 0, reason: "set_aside" }, (time) => time.slice(11, 16)), "Before 12:02: requests may be missing, because the records could not be read and were begun anew.");
  assert.deepEqual([{ since: "1970-01-01T00:00:00.000Z", until: gaps[0].until }, gaps[0]].map(gapSpan), [{ since: NOW + 120_000, until: NOW + 120_000 }, { since: NOW + 60_000, until: NOW + 120_000 }]);
});

test("shares and times are said as they are, and almost all is not all", () => {
  assert.deepEqual([0, 0.005, 0.123, 0.5, 0.98, 0.9999, 1].map(percent), ["0 %", "0.5 %", "12 %", "50 %", "98 %", "99.9 %", "100 %"]);
  assert.deepEqual([null, 0.004, 0.42, 3.14, 61].map(seconds), ["–", "0.00 s", "0.42 s", "3.1 s", "61 s"]);
  assert.equal(totalWords({ requests: 0 }), "No requests");
  assert.equal(totalWords({ requests: 1200, passed: 1100, failed: 80, cancelled: 20 }), "1,200 requests · 92 % answered · 80 failed · 20 cancelled");
});

test("a rule of the audit is said in words and survives being edited", () => {
  const rule = { keep: "whole", node: null, app: "editor", model: null, max_age_days: 30 };
  assert.equal(ruleWords(rule), "The whole content of what the application editor asks or answers, for 30 days");
  assert.deepEqual(ruleOf(drafted(rule)), { keep: "whole", app: "editor", max_age_days: 30 });
  assert.deepEqual(ruleOf({ kind: "node", name: " draft ", keep: "preview", days: "7" }), { keep: "preview", node: "draft", max_age_days: 7 });
  assert.equal(endOf(""), null);
  assert.equal(endOf("2026-13-40"), null);
  assert.equal(Date.parse(endOf("2026-11-02")), new Date(2026, 10, 2).getTime());
});

function desk(route = {}) {
  const asks = [];
  const answers = {};
  const answer = (method) => async (path, body) => {
    asks.push([method, path, body]);
    const found = Object.entries(answers).find(([start]) => path.startsWith(start));
    if (found?.[1] instanceof Error) throw found[1];
    return found?.[1] ?? { items: [], gaps: [], next: null, total: 0 };
  };
  const store = createStore({ route: { view: "activity", ...route }, signedIn: true, busy: new Set(), notices: [] }, (run) => run());
  const api = { get: answer("GET"), post: answer("POST"), put: answer("PUT") };
  return { asks, answers, store, api, trying: createTrying(store) };
}

test("a purge says how much it would delete and names only what was named", async () => {
  const { asks, answers, store, api, trying } = desk({ of: "p/m" });
  store.set({ activity: { dialog: null } });
  const put = (change) => store.set((value) => ({ ...value, activity: { ...value.activity, ...(typeof change === "function" ? change(value.activity) : change) } }));
  const keeping = createKeeping({ api, trying, put, get: () => store.get().activity, route: () => store.get().route, ask: async () => true, readAll: () => asks.push(["again"]) });
  answers["/records?"] = { total: 12 };
  await keeping.openPurge();
  assert.equal(store.get().activity.dialog.found, 12);
  answers["/records/purge"] = { records: 12, contents: 0 };
  await keeping.purge();
  assert.deepEqual(asks.filter(([method]) => method === "POST"), [["POST", "/records/purge", { model: "p/m", app: null, node: null, before: null, all: false, content_only: false, set_aside: false }]]);
  assert.deepEqual(asks.at(-1), ["again"]);
  await keeping.openPurge();
  const counting = keeping.changePurge({ model: "" });
  assert.equal(store.get().activity.dialog.found, null, "an old number is not shown for a new wish");
  await counting;
  await keeping.purge();
  assert.equal(asks.filter(([method]) => method === "POST").at(-1)[2].all, true, "nothing named is all, and only then");
});

test("a changed wish throws the preview of an export away", async () => {
  const { asks, answers, store, api, trying } = desk();
  store.set({ activity: { dialog: null } });
  const put = (change) => store.set((value) => ({ ...value, activity: { ...value.activity, ...(typeof change === "function" ? change(value.activity) : change) } }));
  const keeping = createKeeping({ api, trying, put, get: () => store.get().activity, route: () => ({}), ask: async () => true, readAll: () => {} });
  answers["/records/export/preview"] = { id: "one", text: "{}" };
  keeping.openExport();
  await keeping.previewExport();
  assert.equal(store.get().activity.dialog.preview.id, "one");
  keeping.changeExport({ k: "20" });
  assert.equal(store.get().activity.dialog.preview, null);
  await keeping.previewExport();
  await keeping.writeExport();
  assert.deepEqual(asks.at(-1), ["POST", "/records/export", { preview: "one" }]);
});

test("an answer to what is not asked any more is thrown away", async () => {
  const { store, trying } = desk();
  const waiting = [];
  const api = { get: (path) => new Promise((resolve) => waiting.push([path, resolve])) };
  const recording = createRecording({ api, store, trying, go: () => {} });
  for (const of of ["old", "new"]) {
    store.set({ route: { view: "activity", of } });
    recording.follow(store.get().route);
  }
  const page = (id) => ({ items: [{ id }], gaps: [], next: null, total: 1, by: "none", groups: [] });
  for (const [path, resolve] of waiting.reverse()) resolve(page(path.includes("old") ? "old" : "new"));
  await new Promise((resolve) => setImmediate(resolve));
  const { activity } = store.get();
  assert.deepEqual([activity.items[0].id, activity.stats.items[0].id], ["new", "new"]);
});

test("the Activity tab asks nothing before it is opened", () => {
  const { asks, store, api, trying } = desk();
  const recording = createRecording({ api, store, trying, go: () => {} });
  recording.follow({ view: "browse" });
  assert.deepEqual(asks, []);
});

test("the stream tells how recording stands, and of trials and evaluations", () => {
  let live = reduce(NOTHING, { type: "snapshot", data: { state: { records: { state: "on", records: 1, audit: [] }, trials: [{ id: "t", state: "running" }], evaluations: [{ id: "e", state: "running" }] } } });
  assert.equal(live.trials.get("t").state, "running");
  live = reduce(live, { type: "record.audit", data: { allowed: true, rules: [{ app: "a" }] } });
  assert.deepEqual(live.records.audit, [{ app: "a" }]);
  live = reduce(live, { type: "record.stats", data: { state: "on", records: 2, audit: [{ app: "a" }] } });
  assert.equal(live.records.records, 2);
  live = reduce(live, { type: "evaluation.progress", data: { id: "e", done: 3, total: 9 } });
  assert.deepEqual(live.evaluations.get("e").progress, { done: 3, total: 9 });
  assert.equal(reduce(live, { type: "evaluation.progress", data: { id: "other", done: 1, total: 2 } }), live);
  assert.equal(reduce(live, { type: "trial.removed", data: { id: "t" } }).trials.size, 0);
});

test("a comparison is read in its own unit, and nothing is foretold that cannot be", () => {
  const ratio = { figure: "latency_s", kind: "ratio", estimate: 1.12, interval: { low: 0.995, high: 1.25 }, verdict: "not_enough", needed: 340 };
  assert.equal(intervalWords(ratio), "+12 % (−0.5 % to +25 %)");
  assert.equal(neededWords(ratio), "about 340");
  assert.equal(neededWords({ verdict: "not_enough", needed: null }), "cannot be foretold");
  assert.equal(neededWords({ verdict: "better", needed: 12 }), "none");
  assert.equal(intervalWords({ figure: "preference", kind: "wins", estimate: 0.75, interval: { low: 0.5, high: 0.9 } }), "75 % (50 % to 90 %)");
  assert.deepEqual([3, 44.45, 1007].map((value) => estimateWords({ figure: "ttft_s", kind: "ratio" }, value)), ["3.0 times", "44 times", "1K times"]);
  assert.equal(estimateWords({ figure: "confidence", kind: "difference" }, -0.0214), "−0.021");
  assert.deepEqual([["latency_s", 0.4], ["tokens_per_s", 31.25], ["completion_tokens", 12.2], ["confidence", 0.91]].map(([figure, value]) => valueWords({ figure, kind: "ratio" }, value)), ["0.40 s", "31.3 tokens/s", "12 tokens", "0.910"]);
  assert.equal(valueWords({ figure: "preference", kind: "wins" }, 1), "1 win");
  assert.equal(figureWord("check:is <json>"), "Passes “is <json>”");
  assert.equal(shareWords({ count: 12, of: 40, share: 0.3, interval: { low: 0.18, high: 0.45 } }), "12 of 40: 30 % (18 % to 45 %)");
  assert.equal(shareWords({ count: 0, of: 0, share: null, interval: null }), "no pair yet");
});

test("a trial is begun with what was typed, or its faults are shown", () => {
  const draft = { active: "a", candidate: "b", sample: "25", when: "idle", keep: "10", pending: "200", pairs: "1000", checks: " " };
  assert.deepEqual(startOf(draft), { faults: {}, body: { active: "a", candidate: "b", sample: 0.25, when: "idle", keep: 10, max_pending: 200, max_pairs: 1000, checks: "" } });
  assert.deepEqual(Object.keys(startOf({ ...draft, candidate: "a", sample: "0", keep: "1.5", pending: "", pairs: "0" }).faults), ["candidate", "sample", "keep", "max_pending", "max_pairs"]);
  assert.deepEqual(Object.keys(startOf({ ...draft, active: "", candidate: "" }).faults), ["active", "candidate"]);
});

test("a trial says how far it is and what it keeps", () => {
  const trial = { sample: 0.25, when: "parallel", keep: 5, counts: { pairs: 1, pending: 2, failed: 0, skipped: 3, marked: 1 } };
  assert.deepEqual(countWords(trial), ["1 pair", "2 waiting", "3 left out", "1 marked", "25 % of requests", "beside the active model", "content of up to 5 pairs kept"]);
});

test("keys mark a pair, unless they mean something else", () => {
  assert.deepEqual(["1", "2", "3", "4", "ArrowLeft", "ArrowRight", "5", "toString"].map((key) => markOf({ key })), ["first", "second", "tie", "both_bad", "first", "second", null, null]);
  assert.equal(markOf({ key: "1", ctrlKey: true }), null);
});

test("only what can run is offered for a trial", () => {
  const artifact = (id, more = {}) => ({ id, model: "p/m", version: 1, quantization: "Q8_0", format: "gguf", state: "ok", active: false, ...more });
  const offered = contenders([artifact("old"), artifact("new", { version: 2, active: true }), artifact("gone", { state: "missing" }), artifact("other", { format: "safetensors" })], new Map([["p/m", "Zebra"]]));
  assert.deepEqual(offered, [["new", "Zebra, version 2, Q8_0 (active)"], ["old", "Zebra, version 1, Q8_0"]]);
});
