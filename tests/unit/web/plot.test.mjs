import assert from "node:assert/strict";
import { test } from "node:test";

import { mount } from "../../../clients/web/js/dom.js";
import { ceiling, described, figure, filled, intervalBar, moment, placing, steps } from "../../../clients/web/js/plot.js";
import { FakeDocument } from "./fake_dom.mjs";

const MINUTE = 60_000;
const AT = Date.UTC(2026, 10, 2, 12, 0);
const plot = (more = {}) => ({ id: "p", title: "Requests", since: AT, until: AT + 4 * MINUTE, stepMs: MINUTE, counts: true, lines: [{ name: "All", points: [[AT + MINUTE, 3]] }], ...more });

function drawn(what) {
  const document = new FakeDocument();
  const root = document.createElement("div");
  document.body.appendChild(root);
  mount(root)(what);
  return root;
}

function all(node, test) {
  return [...(node.localName && test(node) ? [node] : []), ...(node.childNodes ?? []).flatMap((child) => all(child, test))];
}

test("an axis ends at a round number that nothing exceeds", () => {
  assert.deepEqual([0, 0.3, 1, 3, 7, 11, 64, 101, 9_999].map((value) => ceiling(value)), [1, 0.4, 1, 4, 8, 20, 80, 200, 10_000]);
  assert.deepEqual([0, 1, 3, 5, 13].map((value) => ceiling(value, true)), [2, 2, 4, 6, 20]);
  for (const odd of [NaN, Infinity, -1]) assert.equal(ceiling(odd), 1);
  for (let value = 0.001; value < 1e7; value *= 1.37) assert.ok(ceiling(value) >= value && ceiling(value) <= 2.01 * value, `${value}`);
});

test("a count without a point is nought and any other figure unknown", () => {
  assert.deepEqual(filled(plot().lines[0], plot()).map(([, value]) => value), [0, 3, 0, 0]);
  assert.deepEqual(filled(plot().lines[0], plot({ counts: false })).map(([, value]) => value), [null, 3, null, null]);
});

test("a line is level for each step and broken where nothing is known", () => {
  const span = plot();
  assert.equal(steps([[AT, 0], [AT + MINUTE, 4]], span, 4), "M0 200H250V0H500");
  assert.equal(steps([[AT, 1], [AT + MINUTE, null], [AT + 2 * MINUTE, 2]], span, 4), "M0 150H250M500 100H750");
  assert.equal(steps([[AT, null]], span, 4), "");
  assert.equal(steps([[AT, 9]], span, 4), "M0 0H250", "what is above the edge stays at the edge");
});

test("a drawing says in words what it shows", () => {
  const words = described(plot({ gaps: [{ since: AT, until: AT + 1, words: "x" }] }), [{ name: "All", points: [[AT, 0], [AT + MINUTE, 3]] }, { name: "None", points: [[AT, null]] }], (value) => `${value} requests`);
  assert.ok(words.includes(`All: at most 3 requests, at ${moment(AT + MINUTE, plot())}.`), words);
  assert.ok(words.includes("None: nothing.") && words.includes("One gap"), words);
});

test("a plot is an image with a name and a description, and gaps are in it", () => {
  const root = drawn(figure(plot({ gaps: [{ since: AT + 2 * MINUTE, until: AT + 3 * MINUTE, words: "12 requests not recorded" }] })));
  const [svg] = all(root, (el) => el.localName === "svg" && el.attributes.role === "img");
  assert.deepEqual(svg.attributes["aria-labelledby"].split(" ").map((id) => all(svg, (el) => el.attributes.id === id).length), [1, 1]);
  const [gap] = all(svg, (el) => el.attributes.class === "gap");
  assert.deepEqual([gap.attributes.x, gap.attributes.width, gap.textContent], ["500", "250", "12 requests not recorded"]);
  assert.equal(all(root, (el) => el.localName === "path" && el.attributes.class === "line line-0").length, 1);
});

test("a table holds the same figures, once it is opened", () => {
  const lines = [{ name: "<b>a</b>", points: [[AT, 2]] }, { name: "b", points: [[AT + MINUTE, 1]] }];
  assert.equal(all(drawn(figure(plot({ lines }))), (el) => el.localName === "table").length, 0);
  const root = drawn(figure(plot({ lines, table: true, unit: "s", gaps: [{ since: AT, until: AT + 1, words: "a gap" }] })));
  const rows = all(root, (el) => el.localName === "tr").map((row) => row.childNodes.map((cell) => cell.textContent));
  assert.deepEqual(rows, [["Time", "<b>a</b>, s", "b, s"], [moment(AT, plot()), "2", "0"], [moment(AT + MINUTE, plot()), "0", "1"], [" a gap"]]);
});

test("lines differ by more than their colour, and no more are drawn than there are looks", () => {
  const lines = Array.from({ length: 9 }, (_, at) => ({ name: `line ${at}`, points: [[AT, at]] }));
  const root = drawn(figure(plot({ lines })));
  const looks = all(root, (el) => el.localName === "path").map((el) => el.attributes.class);
  assert.deepEqual(new Set(looks), new Set([0, 1, 2, 3, 4, 5].map((at) => `line line-${at}`)));
  assert.equal(looks.length, 12, "each in the plot and in the legend");
});

test("an interval stands on the side of no difference that it is on", () => {
  const place = placing("ratio", [1.5, 1.2, 2]);
  assert.equal(place(1), 100);
  assert.ok(place(1.2) > 100 && place(2) <= 196 && place(0.8) < 100);
  assert.equal(placing("ratio", [1.01])(1.01) < 104, true, "a small difference looks small");
  assert.deepEqual([0, 0.5, 1].map(placing("wins", [])), [0, 100, 200]);
  assert.deepEqual([-2, 0, 2].map(placing("difference", [2, -1])), [4, 100, 196]);
  assert.equal(placing("difference", [0])(0), 100);
});

test("an interval bar has its words, and without an interval it is a dash", () => {
  const bar = drawn(intervalBar({ kind: "wins", estimate: 0.6, interval: { low: 0.4, high: 0.8 }, words: "60 %" })).firstChild;
  assert.deepEqual([bar.localName, bar.attributes.role, bar.attributes["aria-label"]], ["svg", "img", "60 %"]);
  assert.equal(drawn(intervalBar({ kind: "wins", estimate: null, interval: null, words: "" })).textContent, "–");
});
