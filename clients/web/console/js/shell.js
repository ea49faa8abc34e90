// @ts-check
import { h } from "../../js/dom.js";
import { icon } from "../../js/icons.js";
import * as audits from "./audit.js";
import { input } from "./forms.js";
import * as one from "./model.js";
import * as many from "./models.js";
import { button, empty, heading } from "./pieces.js";
import * as publishing from "./publish.js";
import * as names from "./publishers.js";
import * as queue from "./reviews.js";
import * as reviewing from "./review.js";
import { can, publishersOf } from "./rights.js";
import * as template from "./template.js";
import * as templates from "./templates.js";
import * as tokens from "./tokens.js";

/** @typedef {import("./routes.js").Route} Route @typedef {import("./rights.js").Me} Me */
/** @typedef {{needs: (route: any, me: any) => import("./data.js").Need[], view: (act: any, value: any) => any, title: string}} View */

/** The tabs, and the scope that each is for. */
const TABS = [
  { view: "reviews", word: "Reviews", scope: "review" },
  { view: "models", word: "Models", scope: "read" },
  { view: "templates", word: "Templates", scope: "read" },
  { view: "publishers", word: "Publishers", scope: "read" },
  { view: "tokens", word: "Tokens", scope: "read" },
  { view: "audit", word: "Audit", scope: "admin" },
  { view: "publish", word: "Publish", scope: "publish" },
];
/** @type {Record<string, string>} */
const CONNECTION = { connected: "Live", connecting: "Connecting", lost: "Reconnecting" };

/** @param {Me} me @param {string} scope */
function opens(me, scope) {
  return scope === "publish" ? publishersOf(me).length > 0 : can(me, scope);
}

/** The view that a person begins with. @param {Me} me */
export function firstView(me) {
  return TABS.find(({ scope }) => opens(me, scope))?.view ?? "models";
}

/** What an address shows. @param {Route} route @param {Me} me @returns {View} */
export function viewOf(route, me) {
  const tab = TABS.find(({ view }) => view === route.view);
  if (tab && !opens(me, tab.scope)) return { title: tab.word, needs: () => [], view: () => [heading(tab.word), refused(tab.scope)] };
  const deep = route.parts.length > 0;
  switch (route.view) {
    case "reviews":
      return route.parts.length === 3 ? { title: `Review of ${route.parts[0]}/${route.parts[1]}`, needs: reviewing.needs, view: reviewing.review } : { title: "Reviews", needs: queue.needs, view: queue.reviews };
    case "templates":
      return deep || route.query.new ? { title: route.parts[0] ?? "New template", needs: template.needs, view: template.template } : { title: "Templates", needs: templates.needs, view: templates.templates };
    case "publishers":
      return { title: route.parts[0] ?? "Publishers", needs: names.needs, view: deep ? names.publisher : names.publishers };
    case "tokens":
      return { title: "Tokens", needs: tokens.needs, view: tokens.tokens };
    case "audit":
      return { title: "Audit", needs: audits.needs, view: audits.audit };
    case "publish":
      return { title: "Publish", needs: publishing.needs, view: publishing.publish };
    default:
      return route.parts.length === 2 ? { title: route.parts.join("/"), needs: one.needs, view: one.model } : { title: "Models", needs: many.needs, view: many.models };
  }
}

/** @param {string} scope */
function refused(scope) {
  return empty("warn", `This needs a token with the scope ${scope === "publish" ? "publish:<publisher>" : scope}. Sign out and use such a token, or ask an administrator for one.`);
}

/** How many versions wait. */
export const WAITING = { path: "/reviews?status=pending&limit=1" };

/** The whole console. @param {any} act @param {any} value */
export function page(act, value) {
  const { me, route } = value;
  return [
    h("a", { key: "skip", class: "skip", href: "#main", onclick: (/** @type {Event} */ event) => act.skip(event) }, "Skip to the content"),
    header(act, value),
    me && !me.four_eyes ? h("p", { key: "alone", class: "banner" }, icon("warn"), h("span", null, "Four eyes is off at this registry: a person may approve what they have published themselves. Each such approval is audited as such.")) : null,
    value.connection === "lost" && me ? h("p", { key: "lost", class: "banner" }, icon("warn"), h("span", null, "The registry does not answer. What you see may be old; this page goes on by itself when it is back.")) : null,
    h("main", { key: "main", id: "main", tabindex: "-1" }, me ? h("div", { key: `${route.view}/${route.parts.join("/")}`, class: "console-view" }, viewOf(route, me).view(act, value)) : signIn(act, value)),
    notices(act, value.notices),
  ];
}

/** @param {any} act @param {any} value */
function header(act, value) {
  const { me, route } = value;
  const waiting = value.data.get(WAITING.path)?.value?.total ?? 0;
  return h(
    "header",
    { key: "header", class: "top" },
    h("span", { class: "brand" }, h("span", { class: "logo" }, icon("seal")), h("span", { class: "brand-name" }, "Model Registry")),
    me
      ? h(
          "nav",
          { "aria-label": "Main" },
          TABS.filter(({ scope }) => opens(me, scope)).map(({ view, word }) =>
            h("a", { key: view, class: view === "reviews" ? "counts" : null, href: `#/${view}`, "aria-current": route.view === view ? "page" : null }, word, view === "reviews" && waiting ? h("span", { class: "count lively" }, waiting) : null),
          ),
        )
      : null,
    me
      ? h(
          "div",
          { class: "machine" },
          h("span", { class: "registry-name" }, me.registry),
          h("span", { class: `connection ${value.connection}`, role: "status" }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "word" }, CONNECTION[value.connection])),
          h("span", { class: "person", title: `${me.principal}: ${me.scopes.join(", ")}` }, me.principal),
          button("Sign out", () => act.signOut(), { tone: "plain" }),
        )
      : null,
  );
}

/** @param {any} act @param {any} value */
function signIn(act, value) {
  const { signIn: sign } = value;
  if (sign.busy && sign.detail) {
    const buttons = h("div", { key: "buttons", class: "buttons even" }, button("Try again", () => act.enter(), { drawing: "retry", tone: "primary" }), button("Use another token", () => act.signOut()));
    return h("div", { key: "away", role: "status" }, empty("warn", sign.detail, buttons));
  }
  if (sign.busy) return h("div", { key: "busy", class: "sign-in" }, h("p", { role: "status" }, "Signing in…"));
  return h(
    "section",
    { key: "sign-in", class: "sign-in", "aria-labelledby": "sign-in" },
    h("span", { class: "logo large" }, icon("seal")),
    h("h1", { id: "sign-in" }, "Sign in to the registry"),
    h("p", null, "Use a token that an administrator has made for you. This window keeps it until it is closed, and sends it nowhere else."),
    h(
      "form",
      {
        onsubmit: (/** @type {any} */ event) => {
          event.preventDefault();
          act.signIn(String(new FormData(event.currentTarget).get("token") ?? "").trim());
        },
      },
      input({ name: "token", label: "Token", kind: "secret", required: true, most: 200, code: true }, value.drafts.sign?.token ?? "", (text) => act.draft("sign", "token", text), sign.detail || undefined),
      h("button", { type: "submit", class: "button primary" }, "Sign in"),
    ),
    h("p", { class: "hint" }, "The first token of a registry comes from ", h("code", null, "modelhub-registry create-admin NAME"), " on its machine."),
  );
}

/** @param {any} act @param {{id: number, tone: string, text: string}[]} list */
function notices(act, list) {
  return h(
    "div",
    { key: "notices", class: "notices", role: "log", "aria-label": "Messages" },
    list.map((notice) =>
      h("div", { key: notice.id, class: `notice ${notice.tone}`, role: notice.tone === "bad" ? "alert" : null }, icon(notice.tone === "bad" ? "warn" : "check"), h("p", null, notice.text), h("button", { type: "button", class: "button square plain", "aria-label": "Close this message", onclick: () => act.dismiss(notice.id) }, icon("cross"))),
    ),
  );
}
