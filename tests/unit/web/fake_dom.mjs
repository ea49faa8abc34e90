/** As much of a document as the renderer needs. It counts what is changed, and loses focus as browsers do. */

class FakeNode {
  constructor(document) {
    this.ownerDocument = document;
    this.parentNode = null;
  }

  get nextSibling() {
    const siblings = this.parentNode?.childNodes ?? [];
    return siblings[siblings.indexOf(this) + 1] ?? null;
  }

  detach() {
    if (!this.parentNode) return;
    this.parentNode.childNodes.splice(this.parentNode.childNodes.indexOf(this), 1);
    this.parentNode = null;
    if (this.contains(this.ownerDocument.activeElement)) this.ownerDocument.activeElement = this.ownerDocument.body;
  }

  contains(other) {
    for (let at = other; at; at = at.parentNode) if (at === this) return true;
    return false;
  }
}

class FakeText extends FakeNode {
  constructor(document, text) {
    super(document);
    this.text = text;
  }

  set nodeValue(text) {
    this.ownerDocument.changes += 1;
    this.text = text;
  }

  get textContent() {
    return this.text;
  }

  outline() {
    return `[${this.text}]`;
  }
}

class FakeElement extends FakeNode {
  constructor(document, localName, namespaceURI) {
    super(document);
    Object.assign(this, { localName, namespaceURI, childNodes: [], attributes: {}, heard: {}, valueNow: "" });
  }

  get firstChild() {
    return this.childNodes[0] ?? null;
  }

  get textContent() {
    return this.childNodes.map((child) => child.textContent).join("");
  }

  get value() {
    return this.valueNow;
  }

  set value(value) {
    this.valueNow = value;
    this.valueSetWith = this.childNodes.length;
    this.ownerDocument.changes += 1;
  }

  appendChild(child) {
    return this.insertBefore(child, null);
  }

  insertBefore(child, next) {
    if (next && next.parentNode !== this) throw new Error("next is no child of this");
    child.detach();
    this.childNodes.splice(next ? this.childNodes.indexOf(next) : this.childNodes.length, 0, child);
    child.parentNode = this;
    this.ownerDocument.changes += 1;
    return child;
  }

  removeChild(child) {
    if (child.parentNode !== this) throw new Error("not a child of this");
    child.detach();
    this.ownerDocument.changes += 1;
  }

  replaceChild(child, old) {
    this.insertBefore(child, old);
    this.removeChild(old);
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
    this.ownerDocument.changes += 1;
  }

  removeAttribute(name) {
    if (!(name in this.attributes)) return;
    delete this.attributes[name];
    this.ownerDocument.changes += 1;
  }

  addEventListener(type, handler) {
    this.heard[type] = handler;
  }

  dispatch(type) {
    this.heard[type]?.({ type, currentTarget: this });
  }

  focus() {
    this.ownerDocument.activeElement = this;
  }

  outline() {
    const inner = this.childNodes.map((child) => child.outline()).join("");
    return this.parentNode?.parentNode ? `<${this.localName}>${inner}</${this.localName}>` : inner;
  }
}

export class FakeDocument {
  constructor() {
    this.changes = 0;
    this.body = this.createElement("body");
    this.activeElement = this.body;
  }

  createElement(name) {
    return new FakeElement(this, name, "http://www.w3.org/1999/xhtml");
  }

  createElementNS(namespace, name) {
    return new FakeElement(this, name, namespace);
  }

  createTextNode(text) {
    return new FakeText(this, text);
  }
}
