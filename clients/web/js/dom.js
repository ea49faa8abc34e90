// @ts-check
/**
 * A small keyed renderer. `h()` describes an element, `lazy()` a part that is built again only when its
 * arguments change, `mount()` makes a container show a list of them with as few changes as it can.
 * Text is only ever text: there is no way to pass markup in, and links lead nowhere but http(s) and this page.
 */

/** @typedef {string | number | boolean | null | undefined | VNode | Child[]} Child */
/**
 * @typedef {object} VNode
 * @property {string} tag element name, "" for text, "lazy" views have a `view`
 * @property {string | number | undefined} key
 * @property {Record<string, any>} props
 * @property {VNode[]} children
 * @property {string} text
 * @property {Function | null} view
 * @property {any[]} args
 * @property {VNode | null} inner what a lazy view gave
 * @property {any} el the DOM node, once shown
 */

const SVG = "http://www.w3.org/2000/svg";
/** Set as properties, because the attribute is only the initial value. */
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "open", "indeterminate", "hidden"]);
const FORBIDDEN = new Set(["innerhtml", "outerhtml", "srcdoc", "style", "formaction"]);
/** @type {WeakMap<any, Record<string, (event: any) => void>>} */
const listeners = new WeakMap();

/**
 * An element. `onclick` and the like take functions; `key` tells siblings apart; null, undefined and false
 * attributes are left out, true gives an empty one.
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...Child} children
 * @returns {VNode}
 */
export function h(tag, props, ...children) {
  const { key, ...rest } = props ?? {};
  return node({ tag, key, props: rest, children: flat(children) });
}

/**
 * A part of the page that is `view(...args)`, built again only when an argument is another value.
 * @param {string | number | undefined} key
 * @param {(...args: any[]) => VNode} view
 * @param {...any} args
 * @returns {VNode}
 */
export function lazy(key, view, ...args) {
  return node({ tag: "lazy", key, view, args });
}

/**
 * A function that shows what it is given in `container`. Its second call changes what the first one made.
 * @param {any} container
 * @returns {(...children: Child[]) => void}
 */
export function mount(container) {
  /** @type {VNode[]} */
  let shown = [];
  return (...children) => {
    const wanted = flat(children);
    const focused = container.ownerDocument.activeElement;
    patchChildren(container, shown, wanted, false);
    shown = wanted;
    if (focused && focused !== container.ownerDocument.activeElement && container.contains(focused)) focused.focus();
  };
}

/** @param {Partial<VNode>} part @returns {VNode} */
function node(part) {
  return { tag: "", key: undefined, props: {}, children: [], text: "", view: null, args: [], inner: null, el: null, ...part };
}

/** @param {Child[]} children @returns {VNode[]} */
function flat(children) {
  /** @type {VNode[]} */
  const out = [];
  for (const child of children) {
    if (child === null || child === undefined || typeof child === "boolean") continue;
    if (Array.isArray(child)) out.push(...flat(child));
    else if (typeof child === "object") out.push(child);
    else out.push(node({ text: String(child) }));
  }
  return out;
}

/** @param {VNode} a @param {VNode} b */
function same(a, b) {
  return a.tag === b.tag && a.key === b.key && a.view === b.view;
}

/** @param {any} parent @param {VNode[]} before @param {VNode[]} after @param {boolean} svg */
function patchChildren(parent, before, after, svg) {
  const kept = match(before, after);
  const used = new Set(kept);
  for (const old of before) if (!used.has(old)) parent.removeChild(old.el);
  let next = parent.firstChild;
  after.forEach((vnode, index) => {
    const old = kept[index];
    const inPlace = old !== undefined && old.el === next;
    const el = old ? patch(old, vnode, svg) : create(vnode, svg, parent);
    if (inPlace) next = el.nextSibling;
    else place(parent, el, next);
  });
}

/** Moving keeps focus and scroll where the browser can do it. @param {any} parent @param {any} el @param {any} next */
function place(parent, el, next) {
  if (el.parentNode === parent && typeof parent.moveBefore === "function") parent.moveBefore(el, next);
  else parent.insertBefore(el, next);
}

/** For each new node the old one it takes over, by key, else by order among those without one.
 * @param {VNode[]} before @param {VNode[]} after @returns {(VNode | undefined)[]} */
function match(before, after) {
  const keyed = new Map();
  /** @type {VNode[]} */
  const loose = [];
  for (const old of before) {
    if (old.key === undefined) loose.push(old);
    else keyed.set(old.key, old);
  }
  let from = 0;
  return after.map((vnode) => {
    if (vnode.key !== undefined) {
      const old = keyed.get(vnode.key);
      if (!old || !same(old, vnode)) return undefined;
      keyed.delete(vnode.key);
      return old;
    }
    for (let at = from; at < loose.length; at += 1) {
      if (!same(loose[at], vnode)) continue;
      from = at + 1;
      return loose[at];
    }
    return undefined;
  });
}

/** @param {VNode} vnode @param {boolean} svg @param {any} parent @returns {any} */
function create(vnode, svg, parent) {
  const document = parent.ownerDocument;
  if (vnode.view) {
    vnode.inner = /** @type {VNode} */ (vnode.view(...vnode.args));
    return (vnode.el = create(vnode.inner, svg, parent));
  }
  if (vnode.tag === "") return (vnode.el = document.createTextNode(vnode.text));
  const inSvg = svg || vnode.tag === "svg";
  const el = inSvg ? document.createElementNS(SVG, vnode.tag) : document.createElement(vnode.tag);
  vnode.el = el;
  for (const child of vnode.children) el.appendChild(create(child, inSvg, el));
  for (const name of Object.keys(vnode.props)) set(el, name, undefined, vnode.props[name]);
  return el;
}

/** @param {VNode} old @param {VNode} vnode @param {boolean} svg @returns {any} */
function patch(old, vnode, svg) {
  if (old === vnode) return old.el;
  if (vnode.view) return patchLazy(old, vnode, svg);
  const el = (vnode.el = old.el);
  if (vnode.tag === "") {
    if (old.text !== vnode.text) el.nodeValue = vnode.text;
    return el;
  }
  patchChildren(el, old.children, vnode.children, svg || vnode.tag === "svg");
  for (const name of Object.keys(old.props)) if (!(name in vnode.props)) set(el, name, old.props[name], undefined);
  for (const name of Object.keys(vnode.props)) set(el, name, old.props[name], vnode.props[name]);
  return el;
}

/** @param {VNode} old @param {VNode} vnode @param {boolean} svg @returns {any} */
function patchLazy(old, vnode, svg) {
  const equal = old.args.length === vnode.args.length && old.args.every((arg, index) => Object.is(arg, vnode.args[index]));
  const before = /** @type {VNode} */ (old.inner);
  vnode.inner = equal ? before : /** @type {Function} */ (vnode.view)(...vnode.args);
  const after = /** @type {VNode} */ (vnode.inner);
  if (same(before, after)) return (vnode.el = patch(before, after, svg));
  vnode.el = create(after, svg, old.el.parentNode);
  old.el.parentNode.replaceChild(vnode.el, old.el);
  return vnode.el;
}

/** @param {any} el @param {string} name @param {any} before @param {any} after */
function set(el, name, before, after) {
  if (FORBIDDEN.has(name.toLowerCase())) throw new Error(`${name} is not for pages that show other people's text`);
  if (/^on/i.test(name)) return listen(el, name.slice(2), after);
  if (PROPERTIES.has(name) && el.localName !== "progress") {
    if (name === "value" && before === after && isBeingTypedInto(el)) return;
    if (name === "open" && before === after) return; // folded by the person since
    return setProperty(el, name, after);
  }
  if (before === after) return;
  const value = name === "href" ? safeLink(after) : after;
  if (value === null || value === undefined || value === false) el.removeAttribute(name);
  else el.setAttribute(name, value === true ? "" : String(value));
}

/** Text that is half typed is the person's, until the page wants another. @param {any} el */
function isBeingTypedInto(el) {
  return (el.localName === "input" || el.localName === "textarea") && el.ownerDocument.activeElement === el;
}

/** What a person has typed or chosen since stays unless the page wants another value. @param {any} el @param {string} name @param {any} value */
function setProperty(el, name, value) {
  if (value === null || value === undefined) {
    if (name === "value") el.removeAttribute("value");
    else el[name] = false;
  } else if (el[name] !== value) el[name] = value;
}

/** @param {any} el @param {string} type @param {any} handler */
function listen(el, type, handler) {
  const known = listeners.get(el) ?? {};
  if (handler && typeof handler !== "function") throw new Error(`on${type} takes a function`);
  if (!(type in known)) {
    if (!handler) return;
    el.addEventListener(type, (/** @type {any} */ event) => listeners.get(el)?.[type]?.(event));
  }
  known[type] = handler ?? undefined;
  listeners.set(el, known);
}

/** The address if it leads to http(s) or stays on this page, else null. @param {any} href */
export function safeLink(href) {
  const text = String(href ?? "");
  return /^(https?:\/\/|#|\/(?!\/))/i.test(text) ? text : null;
}
