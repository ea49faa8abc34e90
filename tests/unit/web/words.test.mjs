import assert from "node:assert/strict";
import { test } from "node:test";

import { facts, optionOf } from "../../../clients/web/js/card.js";
import { isRefused, reasonOf, verdictOf } from "../../../clients/web/js/fit.js";
import { choiceBoxes, narrowed, withChoice } from "../../../clients/web/js/narrowing.js";
import { progressWords } from "../../../clients/web/js/progress.js";
import { rateOf } from "../../../clients/web/js/queue.js";
import { catalogQuery, filterCount, formatRoute, parseRoute, toggled } from "../../../clients/web/js/routes.js";
import { codeIn, createSession } from "../../../clients/web/js/session.js";
import { bytes, context, count, duration, licenseName, modelParts, optionName, optionWord, parameters, plural } from "../../../clients/web/js/text.js";

test("sizes, times and counts read as the daemon's do", () => {
  assert.deepEqual([0, 999, 999.6, 5_030_000_000, 812_000_000, 12_110_000_000].map(bytes), ["0 B", "999 B", "1.00 kB", "5.03 GB", "812 MB", "12.1 GB"]);
  assert.equal(bytes(null), "size unknown");
  assert.deepEqual([48, 115, 7500, 200_000].map(duration), ["48 s", "1 min 55 s", "2 h 05 min", "2 days"]);
  assert.deepEqual([8.2e9, 475e6, 70.6e9, 1e9, 999.6e6, 22e6].map(parameters), ["8.2B", "475M", "70.6B", "1B", "1B", "22M"]);
  assert.deepEqual([512, 40960, 131072, 1048576].map(context), ["512", "40K", "128K", "1M"]);
  assert.deepEqual([7, 980_000, 2_100_000, 1500].map(count), ["7", "980K", "2.1M", "1.5K"]);
  assert.equal(plural(1, "model"), "1 model");
  assert.equal(plural(1200, "model"), "1,200 models");
});

test("licences and options have names for people", () => {
  assert.equal(licenseName({ spdx: "Apache-2.0", name: "Apache License 2.0" }), "Apache-2.0");
  assert.equal(licenseName({ spdx: "LicenseRef-Gemma", name: null }), "Gemma");
  assert.equal(licenseName({ spdx: "LicenseRef-Gemma", name: "Gemma Terms" }), "Gemma Terms");
  assert.equal(licenseName(null), null);
  assert.equal(optionName({ format: "gguf", quantization: "Q4_K_M" }), "GGUF Q4_K_M");
  assert.equal(optionWord("gguf-q4_k_m"), "GGUF Q4_K_M");
  assert.equal(optionWord("mlx-4bit"), "MLX 4BIT");
  assert.equal(optionWord("gguf"), "GGUF");
  assert.deepEqual(modelParts("qwen/qwen3-8b"), ["qwen", "qwen3-8b"]);
});

test("an address becomes a route and the route the same address", () => {
  for (const hash of ["#/browse", "#/installed?q=qwen", "#/browse?q=a+b&capability=chat&capability=tools&license=MIT&compatible=1&sort=size", "#/installed?format=gguf&state=damaged", "#/downloads"]) {
    assert.equal(formatRoute(parseRoute(hash)), hash);
  }
});

test("an address that makes no sense shows the catalog", () => {
  for (const hash of ["", "#", "#/nothing", "#/browse?sort=evil&compatible=maybe", "#%%%", "#/browse?capability="]) assert.equal(formatRoute(parseRoute(hash)), "#/browse");
});

test("a route asks the catalog for what it shows", () => {
  const route = toggled(toggled(parseRoute("#/browse?q=qwen&compatible=1&sort=size"), "format", "gguf"), "capability", "chat");
  assert.equal(catalogQuery(route, "here"), "limit=48&q=qwen&capability=chat&format=gguf&compatible=true&sort=size&after=here");
  assert.equal(filterCount(route), 3);
  assert.equal(filterCount(toggled(route, "format", "gguf")), 2);
});

test("a list is narrowed by words and by choices, and a choice is offered where there is one", () => {
  const things = [
    { name: "Alpha One", format: "gguf", can: ["chat", "tools"], state: "ok" },
    { name: "Alpha Two", format: "mlx", can: ["chat"], state: "damaged" },
    { name: "Beta", format: "gguf", can: [], state: "ok" },
  ];
  const choices = [
    { name: "format", word: "Format", all: "All formats", of: (thing) => [thing.format] },
    { name: "capability", word: "Capability", all: "All capabilities", of: (thing) => thing.can },
    { name: "state", word: "State", all: "Any state", of: (thing) => [thing.state] },
  ];
  const shown = (hash) => narrowed(things, parseRoute(hash), (thing) => thing.name, choices).map((thing) => thing.name);
  assert.deepEqual(shown("#/installed"), ["Alpha One", "Alpha Two", "Beta"]);
  assert.deepEqual(shown("#/installed?q=two+ALPHA"), ["Alpha Two"]);
  assert.deepEqual(shown("#/installed?format=gguf"), ["Alpha One", "Beta"]);
  assert.deepEqual(shown("#/installed?capability=chat&state=ok"), ["Alpha One"]);
  assert.deepEqual(shown("#/installed?capability=vision"), []);
  assert.equal(formatRoute(withChoice(withChoice(parseRoute("#/installed?format=mlx"), "format", ""), "state", "ok")), "#/installed?state=ok");
  const offered = (route, of) => choiceBoxes({}, parseRoute(route), of, choices).map((box) => box && box.children[0].children.map((option) => option.props.value));
  assert.deepEqual(offered("#/installed", things), [["", "gguf", "mlx"], ["", "chat", "tools"], ["", "damaged", "ok"]]);
  assert.deepEqual(offered("#/installed", things.slice(2)), [null, null, null]);
  assert.deepEqual(offered("#/installed", things.slice(0, 1)), [null, null, null]);
  assert.deepEqual(offered("#/installed?capability=vision", things.slice(2)), [null, ["", "vision"], null]);
});

test("a rate is megabytes a second, nothing, or no number", () => {
  assert.deepEqual([" 2.5 ", "2,5", "", "  ", "fast"].map(rateOf), [2_500_000, 2_500_000, null, null, NaN]);
});

test("a one-time code is found in the address only", () => {
  assert.equal(codeIn("#code=abc-_1"), "abc-_1");
  assert.equal(codeIn("#/browse?q=code"), null);
  assert.equal(codeIn(""), null);
});

test("a session keeps its token and signs out", async () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  const session = createSession(storage, async (code) => ({ token: `for ${code}` }));
  assert.equal(session.token(), null);
  await session.signIn("c");
  assert.equal(session.token(), "for c");
  session.signOut();
  assert.equal(session.token(), null);
});

test("every verdict has its word and an unknown one is said to be unknown", () => {
  const words = ["compatible", "tight", "partial", "too_large", "unsupported", "unknown", "of tomorrow"].map((verdict) => verdictOf(verdict).word);
  assert.deepEqual(words, ["Compatible", "Tight fit", "Partly on GPU", "Too large", "Not supported", "Unknown", "Unknown"]);
  assert.deepEqual(["tight", "too_large", "unsupported"].map((verdict) => isRefused({ verdict })), [false, true, true]);
});

test("a reason tells the context it assumes, once", () => {
  assert.equal(reasonOf({ reason: "needs 5.2 GB, 11.0 GB free of 16.0 GB.", assumes: { ctx: 8192, kv_type: "f16" } }), "Needs 5.2 GB, 11.0 GB free of 16.0 GB (8K context)");
  assert.equal(reasonOf({ reason: "needs 5.2 GB at 8K context", assumes: { ctx: 8192 } }), "Needs 5.2 GB at 8K context");
  assert.equal(reasonOf({ reason: "the facts are missing" }), "The facts are missing");
  assert.equal(reasonOf({ reason: "llama-server does not run it" }), "llama-server does not run it");
});

test("a card speaks of the option that was chosen, else the installed, else the best", () => {
  const fit = { verdict: "compatible" };
  const options = ["a", "b", "c"].map((id) => ({ id, fit, size_bytes: 1 }));
  const model = { best_option: "b", size_bytes: 1, fit };
  assert.equal(optionOf(model, { options }, "c", undefined).id, "c");
  assert.equal(optionOf(model, { options }, undefined, new Map([["a", {}]])).id, "a");
  assert.equal(optionOf(model, { options }, undefined, undefined).id, "b");
  assert.equal(optionOf({ ...model, best_option: null }, { options }, undefined, undefined).id, "a");
  assert.equal(optionOf(model, undefined, undefined, undefined), null);
});

test("a card's facts leave out what is not known", () => {
  assert.deepEqual(facts({ parameters: 20.9e9, active_parameters: 3.6e9, context_length: 131072, license: { spdx: "MIT" }, counters: { downloads: 980_000 } }), [
    "20.9B (3.6B active)",
    "128K context",
    "MIT",
    "980K downloads",
  ]);
  assert.deepEqual(facts({ parameters: null, context_length: null, license: {}, counters: { downloads: 0 } }), []);
});

test("a download says what it is doing", () => {
  const words = (state, rest = {}) => progressWords({ state, position: 1, progress: { done_bytes: 3_180_000_000, total_bytes: 8_070_000_000, rate_bytes_per_s: 43e6, eta_s: 115 }, ...rest }).join(" | ");
  assert.equal(words("active"), "3.18 GB of 8.07 GB | 43.0 MB/s · 1 min 55 s left");
  assert.match(words("active", { progress: { done_bytes: 1, total_bytes: 2, rate_bytes_per_s: 9, eta_s: 0 } }), /1 s left$/);
  assert.equal(words("paused"), "Paused | 39%");
  assert.equal(words("queued"), "Queued | 39%");
  assert.equal(words("failed", { error: { detail: "The disk is full." } }), "The disk is full. | ");
  assert.match(words("waiting", { next_retry_at: "2026-01-01T10:00:00Z", error: { detail: "HTTP 503" } }), /^Tries again at .*: HTTP 503 \| 39%$/);
});

test("billions are told as such", () => {
  assert.deepEqual([999_499_999, 999_500_000, 3_400_000_000, 99_400_000_000, 120e9].map(count), ["999M", "1B", "3.4B", "99.4B", "120B"]);
});
