// The form that begins an evaluation.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createEvaluating, evaluationOf, questionsIn } from "../../../clients/web/js/evaluating.js";
import { createStore } from "../../../clients/web/js/store.js";

const DRAFT = { name: "", set: '{"prompt":"Hi"}', setName: "q.jsonl", checks: "", checksName: "", models: ["a", "b"], tokens: "512", evict: false };

test("what is missing is said at its field, and nothing that was left empty is sent", () => {
  assert.deepEqual(evaluationOf(DRAFT), { body: { set: DRAFT.set, models: ["a", "b"], sampling: { max_tokens: 512 }, evict: false }, faults: {} });
  assert.deepEqual(Object.keys(evaluationOf({ ...DRAFT, set: " \n", models: [], tokens: "1.5" }).faults).sort(), ["models", "sampling", "set"]);
  assert.match(evaluationOf({ ...DRAFT, models: [..."abcdefghi"] }).faults.models, /At most 8/);
  const { body } = evaluationOf({ ...DRAFT, name: " Mine ", checks: "checks: {}" });
  assert.equal(body.name, "Mine");
  assert.equal(body.checks, "checks: {}");
});

test("questions are the lines that hold something", () => {
  assert.equal(questionsIn("a\n\n  \nb\n"), 2);
  assert.equal(questionsIn(""), 0);
});

function opened(post) {
  const store = createStore({}, (run) => run());
  const act = createEvaluating({ api: { post }, store, trying: { mark() {} } });
  act.openEvaluation();
  return { act, form: () => store.get().evaluating.form };
}

test("a file is read into the form, the first model chosen stays first, and a refusal is shown at its field", async () => {
  const sent = [];
  const refusal = Object.assign(new Error("no"), { errors: [{ pointer: "/checks", detail: "is no YAML" }] });
  const { act, form } = opened(async (path, body) => {
    sent.push([path, body]);
    if (sent.length === 1) throw refusal;
  });
  await act.readInto("set", new File(['{"prompt":"Hi"}'], "mine.jsonl"));
  for (const id of ["b", "a", "b", "b"]) act.toggleModel(id);
  await act.startEvaluation();
  assert.deepEqual(form().faults, { checks: "is no YAML" });
  assert.equal(form().draft.setName, "mine.jsonl");
  await act.readInto("checks", new File(["checks: {}"], "checks.yaml"));
  assert.deepEqual(form().faults, {});
  await act.startEvaluation();
  assert.deepEqual(sent[1], ["/evaluations", { set: '{"prompt":"Hi"}', models: ["a", "b"], sampling: { max_tokens: 512 }, evict: false, checks: "checks: {}" }]);
  assert.equal(form(), null);
});

test("a file that cannot be read is said, and an answer after the form was closed changes nothing", async () => {
  const { act, form } = opened(async () => {});
  await act.readInto("set", { name: "gone", text: () => Promise.reject(new Error("gone")) });
  assert.match(form().faults.set, /cannot be read/);
  let resolve = () => {};
  const reading = act.readInto("set", { name: "slow", text: () => new Promise((done) => (resolve = () => done("late"))) });
  act.closeEvaluation();
  resolve();
  await reading;
  assert.equal(form(), null);
});
