import assert from "node:assert/strict";
import { test } from "node:test";

import { NOTHING, inOrder, installedOptions, reduce, serverOf, shownDownloads } from "../../../clients/web/js/state.js";

const download = (id, rest = {}) => ({ id, model: `a/${id}`, state: "active", position: 1, created_at: "2026-01-01", updated_at: "2026-01-01", progress: { done_bytes: 0 }, ...rest });
const snapshot = (state) => reduce(NOTHING, { type: "snapshot", data: { reason: "fresh", state } });

test("a snapshot is the whole state", () => {
  const live = snapshot({ downloads: [download("x")], library: [{ id: "l" }], servers: [], device: { os: "linux" }, catalog: { revision: "1" } });
  assert.equal(live.known, true);
  assert.deepEqual([...live.downloads.keys()], ["x"]);
  assert.equal(live.device.os, "linux");
});

test("a second snapshot takes away what is gone", () => {
  const live = reduce(snapshot({ downloads: [download("x")] }), { type: "snapshot", data: { state: { downloads: [] } } });
  assert.equal(live.downloads.size, 0);
});

test("events put in, change and take out", () => {
  let live = snapshot({ downloads: [], library: [], servers: [] });
  live = reduce(live, { type: "download.created", data: download("x", { state: "queued" }) });
  live = reduce(live, { type: "download.changed", data: download("x", { state: "paused" }) });
  live = reduce(live, { type: "library.added", data: { id: "l" } });
  live = reduce(live, { type: "server.changed", data: { id: "s", state: "ready" } });
  assert.equal(live.downloads.get("x").state, "paused");
  assert.equal(live.library.size, 1);
  live = reduce(live, { type: "library.removed", data: { id: "l" } });
  live = reduce(live, { type: "server.removed", data: { id: "s" } });
  live = reduce(live, { type: "download.removed", data: { id: "x" } });
  assert.deepEqual([live.library.size, live.servers.size, live.downloads.size], [0, 0, 0]);
});

test("a gauge changes numbers and never a state", () => {
  const live = snapshot({ downloads: [download("x"), download("y", { state: "completed" })] });
  const next = reduce(live, { type: "download.progress", data: { id: "x", done_bytes: 5, total_bytes: 9, rate_bytes_per_s: 1, eta_s: 4 } });
  assert.deepEqual(next.downloads.get("x").progress, { done_bytes: 5, total_bytes: 9, rate_bytes_per_s: 1, eta_s: 4 });
  assert.equal(next.downloads.get("x").state, "active");
  assert.equal(reduce(live, { type: "download.progress", data: { id: "y", done_bytes: 1 } }), live);
  assert.equal(reduce(live, { type: "download.progress", data: { id: "z", done_bytes: 1 } }), live);
});

test("what an event does not touch stays the same object", () => {
  const live = snapshot({ downloads: [download("x"), download("y")], library: [] });
  const next = reduce(live, { type: "download.changed", data: download("x") });
  assert.equal(next.library, live.library);
  assert.equal(next.downloads.get("y"), live.downloads.get("y"));
});

test("unknown types and housekeeping change nothing", () => {
  for (const type of ["bookmark", "ready", "hello", "shutdown", "trial.started", "library.progress", "download.progress"]) {
    assert.equal(reduce(NOTHING, { type, data: { id: "x" } }), NOTHING);
  }
});

test("a card shows what is under way before what failed, and nothing that is over", () => {
  const one = (id, rest) => [id, download(id, { model: "a/m", ...rest })];
  assert.equal(shownDownloads(new Map([one("f", { state: "failed", created_at: "3" }), one("p", { state: "paused" })])).get("a/m").id, "p");
  assert.equal(shownDownloads(new Map([one("f", { state: "failed", created_at: "1" }), one("g", { state: "failed", created_at: "2" })])).get("a/m").id, "g");
  assert.equal(shownDownloads(new Map([one("c", { state: "completed" }), one("d", { state: "cancelled" })])).size, 0);
});

test("the queue is in its order and the ended ones are newest first", () => {
  const live = snapshot({
    downloads: [download("b", { position: 2 }), download("a", { position: 1 }), download("o", { state: "failed", updated_at: "1" }), download("n", { state: "completed", updated_at: "2" })],
  });
  const { under, ended } = inOrder(live.downloads);
  assert.deepEqual([...under, ...ended].map((one) => one.id), ["a", "b", "n", "o"]);
});

test("the newest version of an option is the installed one", () => {
  const artifact = (id, version) => [id, { id, model: "a/m", option: "gguf", version }];
  assert.equal(installedOptions(new Map([artifact("x", 2), artifact("y", 1)])).get("a/m:gguf").id, "x");
});

test("a running server counts before a failed one, and a stopped one not at all", () => {
  const server = (id, state, started_at = "1") => [id, { id, state, library_id: "l", started_at }];
  assert.equal(serverOf(new Map([server("f", "failed", "9"), server("r", "ready"), server("s", "stopped")]), "l").id, "r");
  assert.equal(serverOf(new Map([server("r", "loading"), server("f", "failed", "9")]), "l").id, "r");
  assert.equal(serverOf(new Map([server("f", "failed", "1"), server("g", "failed", "2")]), "l").id, "g");
  assert.equal(serverOf(new Map([server("s", "stopped")]), "l"), null);
});

test("a server that is gone leaves nothing behind", () => {
  let live = reduce(snapshot({ servers: [{ id: "s", state: "ready" }] }), { type: "server.load", data: { id: "s", busy_slots: 1 } });
  assert.equal(live.loads.size, 1);
  live = reduce(live, { type: "server.removed", data: { id: "s" } });
  assert.deepEqual([live.servers.size, live.loads.size], [0, 0]);
});
