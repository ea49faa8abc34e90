import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { entryBytes } from "../../../clients/web/console/js/canonical.js";
import { createData, UNKNOWN } from "../../../clients/web/console/js/data.js";
import { extent, placeOf, plainValue, wordsBetween } from "../../../clients/web/console/js/diff.js";
import { createEntry } from "../../../clients/web/console/js/entering.js";
import { createLive } from "../../../clients/web/console/js/live.js";
import { faultInConsistency, faultInInclusion, leafHash } from "../../../clients/web/console/js/merkle.js";
import { checkLog } from "../../../clients/web/console/js/proof.js";
import { can, canPublish, whyNotDecide } from "../../../clients/web/console/js/rights.js";
import { address, modelPath, parseRoute } from "../../../clients/web/console/js/routes.js";
import { faultInToken } from "../../../clients/web/console/js/session.js";
import { createStore } from "../../../clients/web/js/store.js";
import { movedBadges, moves, servedAfter } from "../../../clients/web/console/js/verification.js";

const ME = { principal: "ada", scopes: ["admin", "publish:acme"], token_id: "t", expires_at: "", registry: "r", four_eyes: true };

test("the address says everything and takes nothing for granted", () => {
  assert.deepEqual(parseRoute("#/models/acme/tiny?version=2&q="), { view: "models", parts: ["acme", "tiny"], query: { version: "2" } });
  assert.deepEqual(parseRoute("#/elsewhere/x?q=1"), { view: "", parts: [], query: { q: "1" } });
  assert.deepEqual(parseRoute("#/models/%E0%A4%A").parts, ["%E0%A4%A"]);
  assert.equal(address("models", ["a/b", "c?"], { q: "x y", none: "" }), "#/models/a%2Fb/c%3F?q=x+y");
  assert.deepEqual(parseRoute(address("templates", ["../x"])).parts, ["../x"]);
  assert.equal(modelPath("acme/../tokens"), "/models/acme/../tokens".replace("/models/acme/..", "/models/acme/.."));
});

test("a token may what its scopes say, as the registry has it", () => {
  assert.ok(can(ME, "read") && can(ME, "verify") && can(ME, "admin") && !can(ME, "review"));
  assert.ok(!can({ ...ME, scopes: ["review"] }, "verify") && !can({ ...ME, scopes: [] }, "read"));
  assert.ok(canPublish(ME, "acme/tiny") && !canPublish(ME, "acme2/tiny"));
  assert.match(whyNotDecide(ME, { published_by: "ada", status: "pending" }), /yourself/);
  assert.equal(whyNotDecide({ ...ME, four_eyes: false }, { published_by: "ada", status: "pending" }), null);
  assert.equal(whyNotDecide(ME, { published_by: "grace", status: "pending" }), null);
  assert.match(whyNotDecide(ME, { published_by: "grace", status: "rejected" }), /nothing is left/);
});

test("badges are told before they move, and when they have moved", () => {
  const both = { id: "both", name: "Both", models: ["a/a", "b/b"], unverified: ["a/a", "b/b"], compliant: false };
  const one = { id: "one", name: "One", models: ["a/a"], unverified: ["a/a"], compliant: false };
  const none = { id: "none", name: "None", models: ["c/c"], unverified: [], compliant: true };
  const told = (list) => list.map(({ id, before, after }) => [id, before, after]);
  assert.deepEqual(told(moves([both, one, none], "a/a", true)), [["both", false, false], ["one", false, true]]);
  const whole = { ...both, unverified: [], compliant: true };
  assert.deepEqual(told(moves([whole], "b/b", false)), [["both", true, false]]);
  assert.deepEqual(told(moves([whole], "b/b", true)), [["both", true, true]]);
  assert.deepEqual(movedBadges([both, one], [whole, one, none]), ["Both is compliant now."]);
  assert.deepEqual(movedBadges([whole], [both]), ["Both is not compliant any more."]);
});

test("what is served after a withdrawal is the highest approved version that is left", () => {
  const versions = [{ version: 4, status: "pending" }, { version: 3, status: "approved" }, { version: 2, status: "rejected" }, { version: 1, status: "approved" }];
  assert.equal(servedAfter(versions, 3), 1);
  assert.equal(servedAfter(versions.slice(0, 3), 3), null);
});

test("a difference has a place that people can find", () => {
  const entry = { options: [{ id: "q4", files: [{ name: "a/b.gguf", size_bytes: 1 }] }], license: { spdx: "MIT" } };
  assert.deepEqual(placeOf("/options/0/files/0/size_bytes", entry), ["Option q4", "File a/b.gguf", "Size"]);
  assert.deepEqual(placeOf("/options/3", entry), ["Option 3"]);
  assert.deepEqual(placeOf("/license/spdx", entry), ["Licence", "SPDX"]);
  assert.deepEqual(placeOf("/a~1b~0c", undefined), ["A/b~c"]);
  assert.deepEqual(placeOf("", entry), ["The whole entry"]);
  assert.equal(plainValue("size_bytes", 1_500_000), "1.50 MB (1,500,000 bytes)");
  assert.equal(plainValue("gated", false), "no");
  assert.equal(extent({ served_version: 2, changes: [1] }), "1 change to version 2");
  assert.equal(extent({ served_version: null, changes: [1] }), "New model");
});

test("two texts are the words that stay, go and come, and put together again they are the texts", () => {
  const [before, after] = ["Writes short letters.", "Writes long letters, twice."];
  const runs = wordsBetween(before, after);
  assert.equal(runs.filter((run) => run.kind !== "new").map((run) => run.text).join(""), before);
  assert.equal(runs.filter((run) => run.kind !== "gone").map((run) => run.text).join(""), after);
  assert.deepEqual(runs[0], { kind: "same", text: "Writes " });
  assert.equal(wordsBetween("a ".repeat(500), "b"), null);
});

test("an entry of the log is written as the registry hashes it", () => {
  const entry = { seq: 3, at: "t", actor: "ä", action: "a.b", subject: "s", detail: { "\u{1F600}": 1, "\uFFFF": [true, null, "\u2028\u0001\""], a: {} }, prev_hash: "00" };
  assert.equal(new TextDecoder().decode(entryBytes(entry)), `{"action":"a.b","actor":"ä","at":"t","detail":{"a":{},"\uFFFF":[true,null,"\u2028\\u0001\\""],"\u{1F600}":1},"prev_hash":"00","seq":3,"subject":"s"}`);
});

test("a token is known by its form", () => {
  assert.equal(faultInToken(`mhr_${"a1".repeat(6)}_${"Z".repeat(38)}`), null);
  assert.match(faultInToken("mhr_short"), /copied whole/);
  assert.match(faultInToken(""), /Paste/);
});

/** Turns until nothing is left to do. */
const settled = () => new Promise((done) => setImmediate(() => setImmediate(done)));

test("hearing of changes begins with where one is, and tells of each later one once, also of a neighbour's", async () => {
  const asked = [];
  const answers = [];
  const open = (path) => new Promise((answer) => (asked.push(path), answers.push((cursor) => answer({ json: async () => ({ cursor }) }))));
  const channel = { postMessage: () => {}, onmessage: null };
  let changes = 0;
  const states = [];
  const live = createLive({ open, onChange: () => (changes += 1), onState: (word) => states.push(word), locks: null, channel });
  live.start();
  assert.deepEqual(asked, ["/changes", "/changes"]);
  answers.splice(0).forEach((answer) => answer("1.1"));
  await settled();
  assert.equal(changes, 0);
  assert.equal(asked.at(-1), "/changes?after=1.1&wait_s=25");
  answers.pop()("2.1");
  await settled();
  assert.equal(changes, 1);
  channel.onmessage({ data: "3.1" });
  channel.onmessage({ data: "3.1" });
  assert.equal(changes, 2);
  assert.ok(states.every((word) => word === "connected"));
  live.stop();
  channel.onmessage({ data: "4.1" });
  assert.equal(changes, 2);
});

test("a registry that is away is asked again, more and more seldom", async () => {
  const waits = [];
  const runs = [];
  const open = () => Promise.reject(Object.assign(new Error("away"), { status: 0, retryAfterS: null }));
  const states = [];
  const live = createLive({ open, onChange: () => {}, onState: (word) => states.push(word), locks: null, channel: { postMessage: () => {}, onmessage: null }, later: (run, ms) => (waits.push(ms), runs.push(run)) });
  live.start();
  for (let turn = 0; turn < 7; turn += 1) {
    await settled();
    runs.pop()();
  }
  assert.deepEqual(waits.slice(0, 7), [400, 800, 1600, 3200, 6400, 8000, 8000]);
  assert.ok(states.every((word) => word === "lost"));
  live.stop();
});

test("who a token is is asked until the registry answers, and a token that was given up is nobody's any more", async () => {
  const answers = [{ status: 0 }, { status: 503 }, { status: 429, retryAfterS: 30 }, { status: 502 }, { me: "ada" }];
  const waits = [];
  const runs = [];
  const told = [];
  const whoAmI = async () => {
    const next = answers.shift();
    if (next.me) return next.me;
    throw Object.assign(new Error(`status ${next.status}`), next);
  };
  const entry = createEntry({ whoAmI, onMe: (me) => told.push(me), onAway: (why) => told.push(why), onRefused: (problem) => told.push(`refused: ${problem.message}`), later: (run, ms) => (waits.push(ms), runs.push(run)) });
  await entry.begin();
  while (runs.length) await runs.shift()();
  assert.deepEqual(told, ["status 0", "status 503", "status 429", "status 502", "ada"]);
  assert.deepEqual(waits, [1000, 2000, 30_000, 8000]);
  answers.push({ status: 401 }, { status: 0 });
  await entry.begin();
  assert.equal(told.at(-1), "refused: status 401");
  const first = entry.begin();
  entry.stop();
  await first;
  assert.equal(told.at(-1), "refused: status 401");
  assert.equal(runs.length, 0);
});

test("a next page that is asked for while the list is asked again takes nothing from the newer answer", async () => {
  const now = ["d", "c", "b", "a"];
  const held = [];
  const api = {
    get: async (path, signal) => {
      const at = Number(new URLSearchParams(path.split("?")[1]).get("after") ?? 0);
      await new Promise((resolve) => held.push(resolve));
      signal?.throwIfAborted();
      return { items: now.slice(at, at + 2), next: at + 2 < now.length ? String(at + 2) : null };
    },
  };
  const before = { items: ["c", "b"], next: "2" };
  const store = createStore({ data: new Map([["/list", { ...UNKNOWN, value: before }]]) }, () => {});
  const data = createData(api, store);
  const [again, more] = [data.refresh([{ path: "/list" }]), data.more("/list", 2)];
  for (let turn = 0; turn < 20; turn += 1) {
    held.shift()?.();
    await new Promise((resolve) => setTimeout(resolve));
  }
  await Promise.all([again, more]);
  assert.deepEqual(store.get().data.get("/list").value.items, ["d", "c", "b", "a"]);
});

/** The tree over some leaves, by its definition (RFC 6962). */
async function rootOf(leaves) {
  if (leaves.length === 1) return leaves[0];
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const bytes = Buffer.concat([Buffer.from([1]), Buffer.from(await rootOf(leaves.slice(0, split)), "hex"), Buffer.from(await rootOf(leaves.slice(split)), "hex")]);
  return createHash("sha256").update(bytes).digest("hex");
}

/** The proof that a tree begins with a smaller one (RFC 6962, 2.1.2). */
async function growth(leaves, old, whole = true) {
  if (old === leaves.length) return whole ? [] : [await rootOf(leaves)];
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  if (old <= split) return [...(await growth(leaves.slice(0, split), old, whole)), await rootOf(leaves.slice(split))];
  return [...(await growth(leaves.slice(split), old - split, false)), await rootOf(leaves.slice(0, split))];
}

/** The proof that a leaf is in a tree (RFC 6962, 2.1.1). */
async function presence(leaves, index) {
  if (leaves.length === 1) return [];
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  if (index < split) return [...(await presence(leaves.slice(0, split), index)), await rootOf(leaves.slice(split))];
  return [...(await presence(leaves.slice(split), index - split)), await rootOf(leaves.slice(0, split))];
}

test("every proof of every small log holds, and none of them with anything changed", async () => {
  const all = await Promise.all(Array.from({ length: 9 }, (_, index) => leafHash(new TextEncoder().encode(`entry ${index}`))));
  const other = "ab".repeat(32);
  for (let size = 1; size <= all.length; size += 1) {
    const leaves = all.slice(0, size);
    const root = await rootOf(leaves);
    for (let index = 0; index < size; index += 1) {
      const hashes = await presence(leaves, index);
      assert.equal(await faultInInclusion(leaves[index], index, size, hashes, root), null);
      assert.ok(await faultInInclusion(other, index, size, hashes, root));
      assert.ok(await faultInInclusion(leaves[index], index, size, [...hashes, other], root));
      if (hashes.length) assert.ok(await faultInInclusion(leaves[index], index, size, hashes.slice(1), root));
    }
    for (let old = 1; old <= size; old += 1) {
      const hashes = await growth(leaves, old);
      const before = await rootOf(leaves.slice(0, old));
      assert.equal(await faultInConsistency(old, before, size, root, hashes), null, `${old} of ${size}`);
      assert.ok(await faultInConsistency(old, other, size, root, hashes));
      assert.ok(await faultInConsistency(old, before, size, other, hashes));
      assert.ok(await faultInConsistency(old, before, size, root, [...hashes, other]));
    }
  }
  assert.match(await faultInConsistency(3, other, 2, other, []), /shrunk/);
  assert.match(await faultInInclusion(other, 2, 2, [], other), /no leaf/);
  assert.match(await faultInInclusion("ab", 0, 1, [], other), /32 bytes/);
});

test("a log that has shrunk or has another key is noticed, and what was seen stays remembered", async () => {
  const point = { size: 3, root_hash: "ab".repeat(32), note: "", key: "registry+00+AQ==" };
  const kept = [];
  const look = (seen) => checkLog(async () => point, { get: () => seen, put: (one) => kept.push(one) }, []);
  const seen = { size: 5, root_hash: "cd".repeat(32), key: point.key, at: "2026-01-01T00:00:00Z" };
  assert.match((await look(seen)).findings[1].title, /shrunk from 5 to 3/);
  assert.match((await look({ ...seen, size: 2, key: "another" })).findings[1].title, /another key/);
  const [note] = (await look(null)).findings;
  assert.ok(!note.ok);
  assert.deepEqual(kept, []);
});
