import assert from "node:assert/strict";
import { test } from "node:test";

import { pieceOf } from "../../../clients/web/js/chatting.js";
import { FIELDS, faultsOf, settingsOf, shownValue } from "../../../clients/web/js/load_fields.js";
import { createHub, createSharedStream } from "../../../clients/web/js/shared.js";
import { jobOf, placeOf } from "../../../clients/web/js/state.js";
import { since } from "../../../clients/web/js/text.js";
import { fetchWords } from "../../../clients/web/js/updating.js";

test("what is typed becomes settings, and nothing typed asks for nothing", () => {
  const draft = { ctx: "8192", gpu_layers: "all", reasoning: "off", mmap: "off", threads: " ", seed: "" };
  assert.deepEqual(settingsOf(draft), { settings: { ctx: 8192, gpu_layers: "all", reasoning: "off", mmap: false }, faults: {} });
  assert.deepEqual(settingsOf({ gpu_layers: "12", ttl_s: "-1" }).settings, { gpu_layers: 12, ttl_s: -1 });
});

test("what is no setting is said at its field", () => {
  const { settings, faults } = settingsOf({ ctx: "many", gpu_layers: "some", threads: "0", batch: "1e9", parallel: "300" });
  assert.deepEqual(settings, {});
  assert.deepEqual(Object.keys(faults).sort(), ["batch", "ctx", "gpu_layers", "parallel", "threads"]);
  assert.match(faults.parallel, /256 or less/);
});

test("a refusal finds the field it is about, wherever it points from", () => {
  const problem = (...pointers) => ({ message: "no", errors: pointers.map((pointer) => ({ pointer, detail: pointer })) });
  assert.deepEqual(faultsOf(problem("/settings/ctx", "/kv_type_v")), { ctx: "/settings/ctx", kv_type_v: "/kv_type_v" });
  assert.deepEqual(faultsOf(problem("/name")), { "": "/name" });
  assert.deepEqual(faultsOf({ message: "It does not fit." }), { "": "It does not fit." });
});

test("every field has a word, and values are shown as they are typed", () => {
  assert.equal(new Set(FIELDS.map((field) => field.name)).size, FIELDS.length);
  assert.deepEqual([true, false, null, 0, "auto"].map(shownValue), ["on", "off", "automatic", "0", "auto"]);
});

test("a line of an answer is text, thoughts, a count, the end, or an error", () => {
  const frame = (delta, rest = {}) => `data: ${JSON.stringify({ choices: [{ delta }], ...rest })}`;
  assert.deepEqual(pieceOf(frame({ content: "a" })), { text: "a", thoughts: "", tokens: null });
  assert.deepEqual(pieceOf(frame({ reasoning_content: "b" })), { text: "", thoughts: "b", tokens: null });
  assert.equal(pieceOf(`data: ${JSON.stringify({ choices: [], usage: { completion_tokens: 7 } })}`).tokens, 7);
  assert.equal(pieceOf("data: [DONE]"), null);
  assert.equal(pieceOf(": a comment"), undefined);
  assert.throws(() => pieceOf('data: {"error":{"message":"out of memory"}}'), /out of memory/);
});

test("a download takes the place of the one it is dropped on, and one that runs has none", () => {
  const under = [{ id: "runs", position: 0 }, { id: "a", position: 1 }, { id: "b", position: 2 }];
  assert.equal(placeOf(under, "b", "a"), 1);
  assert.equal(placeOf(under, "a", "b"), 2);
  assert.equal(placeOf(under, "b", "runs"), 0);
  assert.equal(placeOf(under, "runs", "a"), 0);
});

test("an artifact shows the work under way before what failed last", () => {
  const job = (id, state, created_at, library_id = "x") => [id, { id, state, created_at, library_id }];
  assert.equal(jobOf(new Map([job("f", "failed", "3"), job("r", "running", "1")]), "x").id, "r");
  assert.equal(jobOf(new Map([job("f", "failed", "1"), job("g", "failed", "2"), job("o", "running", "9", "y")]), "x").id, "g");
  assert.equal(jobOf(new Map([job("c", "cancelled", "1")]), "x"), null);
});

test("an update says what is to be fetched, and time passes in words", () => {
  assert.deepEqual([[null, null], [0, 5000], [1000, 5000], [5000, 5000]].map(([size_bytes, total_bytes]) => fetchWords({ size_bytes, total_bytes })), ["", "nothing to fetch", "1.00 kB to fetch of 5.00 kB", "5.00 kB to fetch"]);
  const now = Date.parse("2026-03-01T12:00:00Z");
  assert.deepEqual(["2026-03-01T11:59:40Z", "2026-03-01T11:30:00Z", "2026-02-28T20:00:00Z", null].map((at) => since(at, now)), ["just now", "30 min ago", "16 h ago", ""]);
});

/** A worker's hub and tabs before it, with a stream that the test speaks for. */
function browser() {
  const streams = [];
  const learnt = [];
  const later = [];
  const hub = createHub(
    (token, tell) => {
      const stream = { token, tell, started: 0, stopped: 0, start: () => (stream.started += 1), stop: () => (stream.stopped += 1) };
      streams.push(stream);
      return stream;
    },
    (frame) => learnt.push(frame),
    () => (learnt.length ? { type: "snapshot", data: { learnt: learnt.length } } : null),
    (run) => later.push(run),
  );
  const tab = (token) => {
    const heard = [];
    const inside = { postMessage: (message) => outside.onmessage?.({ data: structuredClone(message) }) };
    const outside = { postMessage: (message) => inside.onmessage({ data: message }) };
    hub.connect(inside);
    const stream = createSharedStream(outside, { token: () => token, onFrame: (frame) => heard.push(frame.type), onState: (word) => heard.push(word), onRefused: () => heard.push("refused") });
    return { heard, stream };
  };
  return { streams, tab, pass: () => later.splice(0).forEach((run) => run()) };
}

test("tabs share one stream, and a later one begins with what is known", () => {
  const it = browser();
  const [first, second] = [it.tab("t"), it.tab("t")];
  first.stream.start();
  it.streams[0].tell.onFrame({ type: "hello" });
  it.streams[0].tell.onState("connected");
  it.pass();
  second.stream.start();
  it.streams[0].tell.onFrame({ type: "library.added" });
  it.streams[0].tell.onFrame({ type: "library.changed" });
  it.pass();
  assert.equal(it.streams.length, 1);
  assert.deepEqual(first.heard, ["connected", "hello", "library.added", "library.changed"]);
  assert.deepEqual(second.heard, ["snapshot", "connected", "library.added", "library.changed"]);
});

test("the stream ends with the last tab, and a new token begins another", () => {
  const it = browser();
  const [first, second, third] = [it.tab("t"), it.tab("t"), it.tab("new")];
  first.stream.start();
  second.stream.start();
  first.stream.stop();
  assert.equal(it.streams[0].stopped, 0);
  second.stream.stop();
  assert.equal(it.streams[0].stopped, 1);
  first.stream.start();
  third.stream.start();
  assert.deepEqual(it.streams.map((stream) => stream.token), ["t", "t", "new"]);
  it.streams[1].tell.onFrame({ type: "late" });
  it.streams[2].tell.onRefused();
  it.pass();
  assert.ok(!first.heard.includes("late") && !first.heard.includes("refused"), "a token of its own is not refused with another's");
  assert.ok(third.heard.includes("refused"));
});
