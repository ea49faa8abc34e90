import assert from "node:assert/strict";
import { test } from "node:test";

import { h, lazy, mount, safeLink } from "../../../clients/web/js/dom.js";
import { FakeDocument } from "./fake_dom.mjs";

function stage() {
  const document = new FakeDocument();
  const root = document.createElement("div");
  document.body.appendChild(root);
  return { document, root, show: mount(root) };
}

test("text is text, whatever it looks like", () => {
  const { root, show } = stage();
  show(h("p", null, "<img src=x onerror=alert(1)>", 7, null, false));
  assert.equal(root.outline(), "<p>[<img src=x onerror=alert(1)>][7]</p>");
});

test("attributes that could carry markup or styles are refused", () => {
  for (const name of ["innerHTML", "outerHTML", "srcdoc", "style", "formAction"]) {
    assert.throws(() => stage().show(h("p", { [name]: "x" })), /not for pages/);
  }
});

test("an event handler is a function and never text", () => {
  assert.throws(() => stage().show(h("button", { onclick: "alert(1)" })), /takes a function/);
});

test("links lead to http(s) or stay on the page", () => {
  for (const good of ["https://a.example/x", "http://a.example", "#/browse", "/index.html"]) assert.equal(safeLink(good), good);
  for (const bad of ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "//evil.example", "vbscript:x", null]) assert.equal(safeLink(bad), null);
  const { root, show } = stage();
  show(h("a", { href: "javascript:alert(1)" }, "x"));
  assert.deepEqual(root.firstChild.attributes, {});
});

test("elements with the same key are the same elements after a reorder", () => {
  const { root, show } = stage();
  const list = (...keys) => show(h("ul", null, keys.map((key) => h("li", { key }, key))));
  list("a", "b", "c", "d");
  const before = new Map(root.firstChild.childNodes.map((li) => [li.textContent, li]));
  list("d", "b", "e", "a");
  assert.deepEqual(root.firstChild.childNodes.map((li) => li.textContent), ["d", "b", "e", "a"]);
  for (const li of root.firstChild.childNodes) if (before.has(li.textContent)) assert.equal(li, before.get(li.textContent));
  assert.equal(before.get("c").parentNode, null);
});

test("any list becomes any other list", () => {
  const letters = "abcdefgh".split("");
  let seed = 7;
  const chance = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  const { root, show } = stage();
  for (let round = 0; round < 300; round += 1) {
    const wanted = letters.filter(() => chance() < 0.6).sort(() => chance() - 0.5);
    show(wanted.map((key) => (chance() < 0.5 ? h("i", { key }, key) : lazy(key, (text) => h(chance() < 0.5 ? "b" : "u", null, text), key + round))));
    assert.deepEqual(root.childNodes.map((el) => el.textContent[0]), wanted.map((key) => key));
  }
});

test("two children of the same key are both shown", () => {
  const { root, show } = stage();
  const twins = (word) => show(h("li", { key: 1 }, word), h("li", { key: 1 }, word));
  twins("a");
  twins("b");
  assert.deepEqual(root.childNodes.map((li) => li.textContent), ["b", "b"]);
});

test("what did not change is not touched", () => {
  const { document, root, show } = stage();
  const view = () => h("section", { class: "x" }, h("p", null, "one"), [1, 2, 3].map((n) => h("i", { key: n }, n)));
  show(view());
  document.changes = 0;
  show(view());
  assert.equal(document.changes, 0);
  assert.equal(root.childNodes.length, 1);
});

test("removing one of many changes nothing else", () => {
  const { document, show } = stage();
  const keys = Array.from({ length: 500 }, (_, n) => n);
  show(keys.map((key) => h("li", { key }, key)));
  document.changes = 0;
  show(keys.filter((key) => key !== 3).map((key) => h("li", { key }, key)));
  assert.equal(document.changes, 1);
});

test("a lazy view is built again only when an argument is another value", () => {
  const { root, show } = stage();
  let built = 0;
  const view = (thing) => ((built += 1), h("p", null, thing.word));
  const thing = { word: "one" };
  show(lazy("k", view, thing));
  show(lazy("k", view, thing));
  assert.equal(built, 1);
  show(lazy("k", view, { word: "two" }));
  assert.equal(built, 2);
  assert.equal(root.textContent, "two");
});

test("a lazy view that gives another element takes the old one's place", () => {
  const { root, show } = stage();
  const view = (tag) => h(tag, null, tag);
  show(h("i", { key: 1 }), lazy(2, view, "b"), h("i", { key: 3 }));
  show(h("i", { key: 1 }), lazy(2, view, "u"), h("i", { key: 3 }));
  assert.equal(root.outline(), "<i></i><u>[u]</u><i></i>");
});

test("a changed handler is the one that is called, and a removed one is not", () => {
  const { root, show } = stage();
  const heard = [];
  show(h("button", { onclick: () => heard.push(1) }));
  show(h("button", { onclick: () => heard.push(2) }));
  root.firstChild.dispatch("click");
  show(h("button", null));
  root.firstChild.dispatch("click");
  assert.deepEqual(heard, [2]);
});

test("attributes come, change and go", () => {
  const { root, show } = stage();
  show(h("a", { title: "x", "aria-hidden": true, class: "y" }));
  assert.deepEqual(root.firstChild.attributes, { title: "x", "aria-hidden": "", class: "y" });
  show(h("a", { title: "z", class: null }));
  assert.deepEqual(root.firstChild.attributes, { title: "z" });
});

test("a typed value stays unless the page wants another", () => {
  const { root, show } = stage();
  show(h("input", { value: "a" }));
  assert.equal(root.firstChild.value, "a");
  root.firstChild.value = "ab";
  show(h("input", { value: "ab" }));
  assert.equal(root.firstChild.value, "ab");
  show(h("input", { value: "" }));
  assert.equal(root.firstChild.value, "");
});

test("an option is selected after the options are there", () => {
  const { root, show } = stage();
  show(h("select", { value: "b" }, h("option", { key: "a", value: "a" }), h("option", { key: "b", value: "b" })));
  assert.equal(root.firstChild.valueSetWith, 2);
});

test("progress without a value is indeterminate, with zero it is not", () => {
  const { root, show } = stage();
  show(h("progress", { max: "1", value: null }));
  assert.deepEqual(root.firstChild.attributes, { max: "1" });
  show(h("progress", { max: "1", value: 0 }));
  assert.deepEqual(root.firstChild.attributes, { max: "1", value: "0" });
});

test("drawings are made in their own namespace", () => {
  const { root, show } = stage();
  show(h("p", null, h("svg", null, h("path", { d: "M0 0" }))));
  const svg = root.firstChild.firstChild;
  assert.equal(svg.namespaceURI, "http://www.w3.org/2000/svg");
  assert.equal(svg.firstChild.namespaceURI, "http://www.w3.org/2000/svg");
});

test("the focused element keeps the focus when it is moved", () => {
  const { document, root, show } = stage();
  const list = (...keys) => show(keys.map((key) => h("button", { key }, key)));
  list("a", "b");
  root.childNodes[1].focus();
  list("b", "a");
  assert.equal(document.activeElement.textContent, "b");
});

test("what a person has folded stays folded until the page wants another", () => {
  const { root, show } = stage();
  const thoughts = (words, open = true) => show(h("details", { open }, words));
  thoughts("One");
  root.firstChild.open = false;
  thoughts("One more");
  assert.equal(root.firstChild.open, false);
  thoughts("One more", false);
  thoughts("One more", true);
  assert.equal(root.firstChild.open, true);
});
