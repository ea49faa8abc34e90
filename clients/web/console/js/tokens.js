// @ts-check
import { h } from "../../js/dom.js";
import { plural } from "../../js/text.js";
import { UNKNOWN, keyOf } from "./data.js";
import { badge, button, heading, moment, waiting } from "./pieces.js";
import { can } from "./rights.js";

const EVERY_TOKEN = { path: "/tokens?limit=200", all: true };
const SOON_MS = 14 * 86_400_000;

export function needs() {
  return [EVERY_TOKEN];
}

/** Who has which token, the newest first. @param {any} act @param {any} value */
export function tokens(act, value) {
  const { me } = value;
  const known = value.data.get(keyOf(EVERY_TOKEN)) ?? UNKNOWN;
  const all = can(me, "admin");
  const items = [...(known.value?.items ?? [])].reverse();
  return [
    heading(all ? "Tokens" : "Your tokens", button("New token", () => act.newToken(), { tone: "primary" })),
    value.made ? made(act, value.made) : null,
    known.value === null ? waiting(act, known) : h("p", { key: "summary", class: "summary", role: "status" }, `${plural(known.value.total, "token")}. Their secrets are kept nowhere: each is shown once.`),
    items.length ? table(act, items, me) : null,
  ];
}

/** The only time that a secret is seen. @param {any} act @param {any} token */
function made(act, { token, info, copied }) {
  return h(
    "section",
    { key: "made", class: "sheet made", "aria-label": "The new token" },
    h("header", null, h("h2", null, `The new token of ${info.principal}`)),
    h("p", null, "Copy it now: it is shown this once, and nobody can look it up again."),
    h("div", { class: "secret" }, h("code", { id: "secret", tabindex: "0" }, token), button(copied ? "Copied" : "Copy", () => act.copyToken(), { key: "copy", drawing: copied ? "check" : "box", tone: "primary" })),
    h("div", { class: "buttons even" }, button("I have kept it", () => act.tokenKept())),
  );
}

/** @param {any} act @param {any[]} items @param {any} me */
function table(act, items, me) {
  return h(
    "table",
    { key: "table", class: "table" },
    h("thead", null, h("tr", null, ["Person or service", "May", "Note", "Ends", "Last used", ""].map((word) => h("th", { key: word, scope: "col" }, word || h("span", { class: "unseen" }, "Actions"))))),
    h(
      "tbody",
      null,
      items.map((token) => {
        const over = Boolean(token.revoked_at) || Date.parse(token.expires_at) <= Date.now();
        const mine = token.id === me.token_id;
        return h(
          "tr",
          { key: token.id, class: over ? "over" : null, "data-token": token.id },
          h("th", { scope: "row" }, h("span", null, token.principal, mine ? h("span", { class: "origin" }, "this one") : null), h("span", { class: "hint" }, h("code", null, token.id))),
          h("td", { "data-label": "May" }, h("ul", { class: "chips" }, token.scopes.map((/** @type {string} */ scope) => h("li", { key: scope }, scope)))),
          h("td", { "data-label": "Note" }, token.note || "–"),
          h("td", { "data-label": "Ends" }, end(token)),
          h("td", { "data-label": "Last used" }, moment(token.last_used_at)),
          h("td", { class: "actions" }, over ? null : button("Revoke", () => act.revokeToken(token, mine), { label: `Revoke ${mine ? "the token of this window" : `the token ${token.id} of ${token.principal}`}` })),
        );
      }),
    ),
  );
}

/** @param {any} token */
function end(token) {
  if (token.revoked_at) return badge("bad", "cross", "Revoked");
  const left = Date.parse(token.expires_at) - Date.now();
  if (left <= 0) return badge("plain", "pause", "Expired");
  return left < SOON_MS ? h("span", { class: "warned" }, moment(token.expires_at)) : moment(token.expires_at);
}
