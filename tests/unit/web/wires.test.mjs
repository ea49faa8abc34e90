import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, createApi } from "../../../clients/web/js/api.js";
import { createLogs } from "../../../clients/web/js/logs.js";
import { createSearch, NO_RESULTS } from "../../../clients/web/js/search.js";
import { createStore } from "../../../clients/web/js/store.js";
import { createStream, lineReader } from "../../../clients/web/js/stream.js";

const encoder = new TextEncoder();
const turns = async (n = 20) => {
  for (let turn = 0; turn < n; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test("lines are whole however the bytes were cut", () => {
  const read = lineReader();
  const data = encoder.encode('{"a":"ä"}\n\n{"b":1}\n');
  const lines = [...data].flatMap((byte) => read(new Uint8Array([byte])));
  assert.deepEqual(lines, ['{"a":"ä"}', '{"b":1}']);
});

function daemon() {
  const asked = [];
  const frames = [];
  const words = [];
  const timers = [];
  let feed = null;
  const stream = createStream({
    open: async (path, rest) => {
      asked.push(path);
      const answer = daemonAnswer.shift?.();
      if (answer instanceof Error) throw answer;
      const body = new ReadableStream({ start: (controller) => (feed = controller) });
      rest.signal.addEventListener("abort", () => feed.error(new Error("aborted")));
      return new Response(body);
    },
    onFrame: (frame) => frames.push(frame.type),
    onState: (word) => words.push(word),
    later: (run, ms) => timers[timers.push({ run, ms, off: false }) - 1],
    never: (timer) => timer && (timer.off = true),
  });
  const daemonAnswer = [];
  const say = (...lines) => feed.enqueue(encoder.encode(lines.map((line) => `${JSON.stringify(line)}\n`).join("")));
  return { stream, asked, frames, words, timers, say, daemonAnswer, end: () => feed.close(), due: () => timers.filter((timer) => !timer.off) };
}

test("a broken stream comes back and goes on from what it saw last", async () => {
  const it = daemon();
  it.stream.start();
  await turns();
  it.say({ type: "hello", data: { heartbeat_s: 15 } }, { type: "snapshot", id: "e-1", data: {} }, { type: "ready", id: "e-1", data: {} });
  it.say({ type: "download.changed", id: "e-2", data: {} }, { type: "download.progress", data: {} });
  await turns();
  it.end();
  await turns();
  const again = it.due().at(-1);
  again.run();
  await turns();
  assert.deepEqual(it.words, ["connected", "connecting"]);
  assert.ok(!it.asked[0].includes("after="));
  assert.ok(it.asked[1].endsWith("&after=e-2"));
  assert.deepEqual(it.frames, ["hello", "snapshot", "ready", "download.changed", "download.progress"]);
});

test("a daemon that is away is asked ever less often, but is asked", async () => {
  const it = daemon();
  it.daemonAnswer.push(...Array.from({ length: 9 }, () => new Error("away")));
  it.stream.start();
  const waits = [];
  for (let round = 0; round < 8; round += 1) {
    await turns();
    const timer = it.due().at(-1);
    waits.push(timer.ms);
    timer.off = true;
    timer.run();
  }
  assert.deepEqual(waits, [400, 800, 1600, 3200, 6400, 8000, 8000, 8000]);
});

test("a refused token ends it, a full house is waited for", async () => {
  const out = daemon();
  out.daemonAnswer.push(new Problem({ status: 401, code: "unauthenticated", detail: "no" }));
  out.stream.start();
  await turns();
  assert.equal(out.due().length, 0);
  const full = daemon();
  full.daemonAnswer.push(new Problem({ status: 429, code: "too_many_requests", detail: "full", retry_after_s: 5 }));
  full.stream.start();
  await turns();
  assert.equal(full.due().at(-1).ms, 5000);
});

test("silence longer than the heartbeat allows ends a dead stream", async () => {
  const it = daemon();
  it.stream.start();
  await turns();
  it.say({ type: "hello", data: { heartbeat_s: 15 } });
  await turns();
  it.say({ type: "bookmark", id: "e-1", data: {} });
  await turns();
  const watchdog = it.due().at(-1);
  assert.equal(watchdog.ms, 37_500);
  watchdog.run();
  await turns();
  assert.equal(it.words.at(-1), "lost");
});

test("a stopped stream stays stopped", async () => {
  const it = daemon();
  it.stream.start();
  await turns();
  it.stream.stop();
  await turns();
  assert.equal(it.due().length, 0);
});

test("the token goes with each request and a refusal is told in the daemon's words", async () => {
  const sent = [];
  let out = 0;
  const answers = [new Response('{"a":1}'), new Response(null, { status: 204 }), new Response('{"code":"conflict","detail":"It is loaded."}', { status: 409 }), new Response("<html>", { status: 502 }), new Response('{"code":"unauthenticated","detail":"no"}', { status: 401 })];
  const api = createApi(() => "t", () => (out += 1), async (input, init) => (sent.push([input, init]), answers.shift()));
  assert.deepEqual(await api.get("/x"), { a: 1 });
  assert.equal(await api.remove("/x"), null);
  await assert.rejects(api.post("/x", { b: 1 }), { status: 409, code: "conflict", message: "It is loaded." });
  await assert.rejects(api.post("/x"), { status: 502, code: "unexpected" });
  assert.equal(out, 0);
  await assert.rejects(api.get("/x"), { status: 401 });
  assert.equal(out, 1);
  assert.equal(sent[0][0], "/api/v1/x");
  assert.equal(sent[0][1].headers.Authorization, "Bearer t");
  assert.equal(sent[2][1].headers["Content-Type"], "application/json");
  assert.equal(sent[2][1].credentials, "omit");
});

test("a daemon that does not answer is said to be away", async () => {
  const api = createApi(() => null, () => {}, async () => { throw new TypeError("fetch failed"); });
  await assert.rejects(api.get("/x"), { code: "unreachable", status: 0 });
});

test("changes within a frame are told once", () => {
  const frames = [];
  const store = createStore({ a: 1 }, (run) => frames.push(run));
  const told = [];
  store.subscribe((value) => told.push(value.a));
  store.set({ a: 2 });
  store.set((value) => ({ ...value, a: 3 }));
  store.set((value) => value);
  assert.equal(frames.length, 1);
  frames.shift()();
  store.set({ a: 4 });
  frames.shift()();
  assert.deepEqual(told, [3, 4]);
});

test("the last question wins, whichever answer comes first", async () => {
  const waiting = [];
  const store = createStore({ results: NO_RESULTS, names: new Map(), skills: new Map() }, () => {});
  const search = createSearch({ get: (path, signal) => new Promise((resolve) => waiting.push({ path, signal, resolve })) }, store);
  const route = (q) => ({ view: "browse", q, facets: { capability: [], format: [], license: [] }, compatible: false, sort: "relevance" });
  search.follow(route("a"));
  search.follow(route("ab"));
  search.follow(route("ab"));
  assert.equal(waiting.length, 2);
  assert.equal(waiting[0].signal.aborted, true);
  const page = (id) => ({ items: [{ id, display_name: id.toUpperCase() }], total: 2, next: "n", facets: {} });
  waiting[1].resolve(page("second"));
  await turns();
  waiting[0].resolve(page("first"));
  await turns();
  assert.deepEqual(store.get().results.items.map((item) => item.id), ["second"]);
  assert.equal(store.get().names.get("second"), "SECOND");
  search.more(route("ab"));
  assert.ok(waiting[2].path.endsWith("&after=n"));
  waiting[2].resolve({ ...page("third"), next: null });
  await turns();
  assert.deepEqual(store.get().results.items.map((item) => item.id), ["second", "third"]);
});

test("the first cards are shown before the others, and only the first time", async () => {
  const store = createStore({ results: NO_RESULTS, names: new Map(), skills: new Map() }, () => {});
  const items = Array.from({ length: 40 }, (_, n) => ({ id: `a/${n}`, display_name: `A ${n}`, capabilities: [] }));
  let painted = null;
  const search = createSearch({ get: async () => ({ items, total: 90, next: "more", facets: null }) }, store, null, () => new Promise((resolve) => (painted = resolve)));
  const asked = search.again({ q: "", facets: {}, compatible: false, sort: "relevance" });
  await turns();
  assert.deepEqual([store.get().results.items.length, store.get().results.total, store.get().results.next], [12, 90, null]);
  painted();
  await asked;
  assert.deepEqual([store.get().results.items.length, store.get().results.next, store.get().results.loading], [40, "more", false]);
  painted = null;
  await search.again({ q: "", facets: {}, compatible: false, sort: "relevance" });
  assert.equal(painted, null);
});

test("the answer to what was asked early is taken once, and only for the same question", async () => {
  const route = (q) => ({ q, facets: {}, compatible: false, sort: "relevance" });
  const answered = (id) => ({ items: [{ id, display_name: id, capabilities: [] }], total: 1, next: null, facets: null });
  const shown = async (early, q) => {
    const store = createStore({ results: NO_RESULTS, names: new Map(), skills: new Map() }, () => {});
    const search = createSearch({ get: async () => answered("asked") }, store, early);
    const seen = [];
    for (let time = 0; time < 2; time += 1) {
      await search.again(route(q));
      seen.push(store.get().results.items[0].id);
    }
    return seen;
  };
  assert.deepEqual(await shown({ query: "limit=48&q=a", answer: Promise.resolve(answered("early")) }, "a"), ["early", "asked"]);
  assert.deepEqual(await shown({ query: "limit=48&q=b", answer: Promise.resolve(answered("early")) }, "a"), ["asked", "asked"]);
  const refused = Promise.reject(new Error("no"));
  refused.catch(() => {});
  assert.deepEqual(await shown({ query: "limit=48&q=a", answer: refused }, "a"), ["asked", "asked"]);
});

test("the catalog is asked early where somebody is signed in and the address leads to it", async () => {
  const root = { dataset: {}, removeAttribute() {} };
  const begun = [];
  const head = { append: (script) => begun.push(`${script.type} ${script.src}`) };
  globalThis.document = { documentElement: root, head, createElement: () => ({}), querySelector: () => ({ href: "/js/main.js" }) };
  let paint;
  globalThis.requestAnimationFrame = (then) => (paint = then);
  globalThis.location = { hash: "", search: "" };
  globalThis.window = { localStorage: { getItem: () => null }, document, location, addEventListener() {} };
  window.parent = window;
  const { askEarly, early, outlineOf } = await import("../../../clients/web/js/early.js");
  assert.deepEqual(begun, [], "nothing is fetched before the outline is painted");
  paint();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(begun, ["module /js/main.js"]);
  delete globalThis.document;
  delete globalThis.requestAnimationFrame;
  assert.equal(early, null);
  assert.equal(root.dataset.outline, "sign-in");
  assert.deepEqual(["", "#/browse?q=a", "#/servers", "#code=abc"].map((hash) => outlineOf(hash, "token")), ["browse", "browse", "servers", "sign-in"]);
  const asked = [];
  const get = async (path) => asked.push(path);
  assert.equal(askEarly("", "token", get).query, "limit=48");
  assert.equal(askEarly("#/browse?q=a&compatible=1", "token", get).query, "limit=48&q=a&compatible=true");
  assert.equal(askEarly("#/browse", null, get), null);
  assert.equal(askEarly("#/servers", "token", get), null);
  assert.equal(askEarly("#code=abc", "token", get), null);
  assert.deepEqual(asked, ["/catalog/models?limit=48", "/catalog/models?limit=48&q=a&compatible=true"]);
});

test("what was asked in vain is asked once the daemon is back", async () => {
  const store = createStore({ results: NO_RESULTS, names: new Map(), skills: new Map() }, () => {});
  let away = true;
  let count = 0;
  const search = createSearch({ get: async () => ((count += 1), away ? Promise.reject(new Error("away")) : { items: [], total: 0, next: null, facets: null }) }, store);
  const route = { q: "", facets: {}, compatible: false, sort: "relevance" };
  await search.back(route);
  assert.equal(count, 0);
  await search.follow(route);
  assert.deepEqual([store.get().results.stale, store.get().results.error], [true, "away"]);
  away = false;
  await search.back(route);
  await search.back(route);
  assert.deepEqual([count, store.get().results.stale, store.get().results.total], [2, false, 0]);
});

test("the log of a model that failed is followed again when it is started again", async () => {
  const timers = [];
  let asked = 0;
  const open = async () => {
    asked += 1;
    return new Response(`life ${asked}\n`);
  };
  const server = (state) => ({ live: { servers: new Map([["s", { id: "s", state }]]) } });
  const store = createStore({ log: null, ...server("failed") }, () => {});
  createLogs({ api: { open }, store, later: (run) => timers.push(run) }).followLog({ view: "servers", pane: "log", server: "s" });
  await turns();
  assert.deepEqual([asked, store.get().log.open], [1, false]);
  timers.shift()();
  await turns();
  assert.equal(asked, 1);
  store.set(server("starting"));
  timers.shift()();
  await turns();
  assert.deepEqual([asked, store.get().log.lines], [2, ["life 2"]]);
});
