import assert from "node:assert/strict";
import { test } from "node:test";

import { createActions } from "../../../clients/web/js/actions.js";
import { applicationOf, createApi } from "../../../clients/web/js/api.js";
import { heldReason } from "../../../clients/web/js/fit.js";
import { installed } from "../../../clients/web/js/installed.js";
import { parseRoute } from "../../../clients/web/js/routes.js";
import { NOTHING } from "../../../clients/web/js/state.js";
import { createStore } from "../../../clients/web/js/store.js";
import { heldWords, isOverridable } from "../../../clients/web/js/updating.js";
import { createUpdatesFor } from "../../../clients/web/js/updates_for.js";

test("an application is named in the address, or it is none", () => {
  for (const name of ["my-editor/2.1", "a.b_c/10", "editor/2.0rc1", "editor/1.0.post2"]) assert.equal(applicationOf(`?theme=dark&app=${name}`), name);
  for (const query of ["", "?app=", "?app=editor", "?app=editor/", "?app=/1", "?app=editor/1%0d%0aX:1", "?app=a/b/1", "?app=-e/1", "?app=editor/v", "?app=editor/1.x", "?app=editor/1..2"]) assert.equal(applicationOf(query), null);
});

test("the daemon is asked in the application's name, and the gateway in nobody's", async () => {
  const sent = [];
  const send = async (input, init) => (sent.push([input, init.headers["Modelhub-App"]]), new Response("{}"));
  const api = createApi(() => "t", () => {}, send, "editor/1.9");
  await api.get("/updates");
  await api.open("POST", "/v1/chat/completions", { body: {} });
  await createApi(() => "t", () => {}, send).get("/updates");
  assert.deepEqual(sent, [["/api/v1/updates", "editor/1.9"], ["/v1/chat/completions", undefined], ["/api/v1/updates", undefined]]);
});

test("updates are asked for an application whenever the stream tells of any, a page after the other", async () => {
  const [asked, later] = [[], []];
  const pages = [{ items: [{ id: "a" }], next: "n=" }, { items: [{ id: "b" }], next: null }];
  const store = createStore({ updatesFor: null }, () => {});
  const of = (application, get) => createUpdatesFor({ api: { get }, store, application, later: (run) => later.push(run) });
  of(null, null).hear({ type: "snapshot" });
  assert.equal(later.length, 0, "for nobody in particular the stream tells all");
  const updates = of("editor/1.9", async (path) => (asked.push(path), pages.shift()));
  for (const type of ["download.progress", "snapshot", "update.available", "update.removed"]) updates.hear({ type });
  assert.equal(later.length, 1, "what comes together is asked for once");
  await later.shift()();
  assert.deepEqual(asked, ["/updates?limit=200", "/updates?limit=200&after=n%3D"]);
  assert.deepEqual([...store.get().updatesFor.keys()], ["a", "b"]);
  const away = of("editor/1.9", async () => { throw new Error("away"); });
  away.hear({ type: "snapshot" });
  await later.shift()();
  assert.equal(store.get().updatesFor.size, 2, "what was read stays");
});

test("what was asked first and is answered last is not what there is", async () => {
  const [answers, later] = [[], []];
  const store = createStore({ updatesFor: null }, () => {});
  const updates = createUpdatesFor({ api: { get: () => new Promise((resolve) => answers.push(resolve)) }, store, application: "editor/1.9", later: (run) => later.push(run) });
  updates.hear({ type: "snapshot" });
  const first = later.shift()();
  updates.hear({ type: "update.available" });
  const second = later.shift()();
  answers[1]({ items: [{ id: "new" }], next: null });
  await second;
  answers[0]({ items: [{ id: "old" }], next: null });
  await first;
  assert.deepEqual([...store.get().updatesFor.keys()], ["new"]);
});

test("who holds an update back has a name, and not everything can be overridden", () => {
  const words = [["policy", "require_verified"], ["policy", "allowed_publishers"], ["app_pin", "daemon"], ["llama_server", "llama_server"], ["daemon", "daemon"], ["does_not_fit", "device"], ["rolled_back", "you"], ["of_tomorrow", "somebody"]].map(([code, by]) => heldWords({ code, by, detail: "So." })[0]);
  assert.deepEqual(words, ["the policy “Verified models only”", "the policy “Publishers allowed”", "daemon", "llama-server", "this Model Hub", "this computer", "you", "somebody"]);
  assert.deepEqual(["app_pin", "daemon", "llama_server", "does_not_fit", "rolled_back"].map((code) => isOverridable({ code })), Array(5).fill(true));
  assert.deepEqual(["policy", "withdrawn", "content_replaced", "no_option", "of_tomorrow"].map((code) => isOverridable({ code })), Array(5).fill(false));
});

test("what is held back says what is had instead", () => {
  assert.equal(heldReason({ version: 3, held_back: "It needs llama-server >=9000.", usable_version: 2 }), "Version 3 is held back: It needs llama-server >=9000. Version 2 is downloaded instead.");
  assert.equal(heldReason({ version: 3, held_back: "It needs editor >=2.", usable_version: null }), "Version 3 is held back: It needs editor >=2.");
});

/** What is posted when a model is to be downloaded, and what was asked before. */
async function got(model, refusals, answers = []) {
  const [posted, asked] = [[], []];
  const post = async (_path, body) => {
    posted.push(body);
    const code = refusals.shift();
    if (code) throw Object.assign(new Error("Refused."), { code });
  };
  const store = createStore({ busy: new Set(), notices: [] }, () => {});
  const act = createActions({ api: { post }, store, search: {}, ask: async ({ text }) => (asked.push(text), answers.shift()) });
  await act.get(model, "gguf", { verdict: "compatible" });
  return { posted, asked, said: store.get().notices.map(({ text }) => text) };
}

test("the version that can be used is downloaded, and one that cannot after a question", async () => {
  const model = { id: "a/m", display_name: "M", version: 3, held_back: "It needs editor >=2.", usable_version: null };
  assert.deepEqual((await got({ ...model, usable_version: 2 }, [])).posted, [{ model: "a/m", option: "gguf", version: 2 }]);
  const small = await got({ ...model, usable_version: 2 }, ["does_not_fit"], [true]);
  assert.deepEqual(small.posted.at(-1), { model: "a/m", option: "gguf", version: 2, force: true }, "who says yes to its size has not been asked about another version");
  const forced = await got(model, ["requirement_not_met"], [true]);
  assert.deepEqual(forced.posted, [{ model: "a/m", option: "gguf", version: 3 }, { model: "a/m", option: "gguf", version: 3, force: true }]);
  assert.match(forced.asked[0], /^It needs editor >=2\. It can be downloaded/);
  assert.equal((await got(model, ["requirement_not_met"], [false])).posted.length, 1);
  assert.deepEqual((await got(model, ["refused_by_policy"])).said, ["Refused."]);
});

/** Nodes of a drawn view that `holds`. @returns {any[]} */
function found(node, holds) {
  return [...(holds(node) ? [node] : []), ...node.children.flatMap((child) => found(child, holds))];
}

const textOf = (node) => node.text + node.children.map(textOf).join("");

test("free space changes all the time, so it is shown and not read aloud", () => {
  const value = { live: { ...NOTHING, known: true, device: { disk_free_bytes: 5e9 } }, route: parseRoute("#/installed"), names: new Map(), skills: new Map(), busy: new Set(), space: null };
  const drawn = installed({}, value, { busy: new Set(), versions: new Map() });
  const [summary] = found(drawn, (node) => node.props.class === "summary");
  assert.match(textOf(summary), /5\.00 GB free$/);
  for (const status of found(drawn, (node) => node.props.role === "status")) assert.doesNotMatch(textOf(status), /free/);
});

test("why nothing is known of a model is kept, and asked again unless there is no such model", async () => {
  const store = createStore({ busy: new Set(), notices: [], absent: new Map() }, () => {});
  let status = 503;
  const get = async () => {
    throw Object.assign(new Error(`Refused with ${status}.`), { status });
  };
  const act = createActions({ api: { get }, store, search: {} });
  await act.detail("a/m");
  assert.deepEqual(store.get().absent.get("a/m"), { why: "Refused with 503.", again: true });
  status = 404;
  await act.detail("a/m");
  status = 500;
  await act.detail("a/m");
  assert.deepEqual(store.get().absent.get("a/m"), { why: "Refused with 404.", again: false });
});
