// @ts-check
import { h } from "../../js/dom.js";
import { icon } from "../../js/icons.js";
import { plural } from "../../js/text.js";
import { UNKNOWN } from "./data.js";
import { button, choice, empty, heading, moment, panel, prose, search, showMore, waiting } from "./pieces.js";
import { queryOf } from "./routes.js";

/** Every act that the registry writes down. */
export const ACTIONS = [
  "version.published", "version.blocked", "version.approved", "version.rejected", "version.cancelled", "version.withdrawn", "model.verified", "model.unverified", "model.verification_carried", "model.counters_reset", "template.put", "template.deleted",
  "publisher.created", "publisher.suspended", "publisher.activated", "publisher_key.added", "publisher_key.revoked", "token.created", "token.revoked", "keys.rotated", "seed.imported",
];

/** @param {any} route */
export function listPath({ query: { action, actor, subject } }) {
  return `/audit?${queryOf({ order: "newest", limit: 50, action, actor: actor?.trim(), subject: subject?.trim() })}`;
}

/** @param {any} route */
export function needs(route) {
  return [{ path: listPath(route) }];
}

/** Who did what. @param {any} act @param {any} value */
export function audit(act, value) {
  const { route, proof } = value;
  const key = listPath(route);
  const known = value.data.get(key) ?? UNKNOWN;
  const options = [["", "Every act"], ...ACTIONS.map((action) => [action, words(action)])];
  return [
    heading("Audit", button(proof?.busy ? "Checking…" : "Check the proof", () => act.checkProof(), { key: "check", tone: "primary", drawing: "seal", disabled: Boolean(proof?.busy) || known.value === null })),
    proof && !proof.busy ? findings(proof) : null,
    h("div", { key: "bar", class: "bar" }, search(act, route, "subject", "Of what: publisher/name@version"), search(act, route, "actor", "By whom"), choice(act, route, "action", "Act", /** @type {[string, string][]} */ (options))),
    known.value === null ? waiting(act, known) : h("p", { key: "summary", class: "summary", role: "status" }, `${plural(known.value.total, "entry", "entries")}, the newest first`),
    known.value?.items.length === 0 ? empty("search", "No entry matches. Names are compared whole.") : null,
    h("ol", { key: "log", class: "journal", reversed: true }, known.value?.items.map((/** @type {any} */ entry) => line(entry, proof))),
    known.value ? showMore(act, key, known.value, "entries") : null,
  ];
}

/** `Version approved` of `version.approved`. @param {string} action */
function words(action) {
  const text = action.replace(".", " ").replaceAll("_", " ").replace("template put", "template saved");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {any} entry @param {any} proof */
function line(entry, proof) {
  const fault = proof?.checked?.get(entry.seq);
  return h(
    "li",
    { key: entry.seq, "data-seq": entry.seq },
    h(
      "details",
      null,
      h(
        "summary",
        null,
        h("span", { class: "seq" }, entry.seq),
        h("span", { class: "act" }, words(entry.action)),
        h("span", { class: "subject" }, entry.subject),
        h("span", { class: "actor" }, entry.actor),
        h("span", { class: "when" }, moment(entry.at)),
        fault === undefined ? null : fault === null ? h("span", { key: "ok", class: "proved ok", title: "Proved" }, icon("check"), h("span", { class: "unseen" }, "proved")) : h("span", { key: "bad", class: "proved bad", title: fault }, icon("cross"), h("span", { class: "unseen" }, `not proved: ${fault}`)),
      ),
      h("pre", { tabindex: "0", "aria-label": `Details of entry ${entry.seq}` }, h("code", null, JSON.stringify({ ...entry.detail, leaf_hash: entry.leaf_hash, prev_hash: entry.prev_hash }, null, 2))),
    ),
  );
}

/** @param {any} proof */
function findings(proof) {
  if (proof.error) return h("p", { key: "proof", class: "refused bad", role: "alert" }, icon("warn"), h("span", null, prose(proof.error)));
  const good = proof.findings.every((/** @type {any} */ one) => one.ok);
  return h(
    "div",
    { key: "proof", class: `proof ${good ? "ok" : "bad"}`, role: "status" },
    panel(
      good ? "The log holds" : "The log does not hold",
      h("span", { class: "aside" }, "checked in this browser"),
      h("ul", { class: "findings" }, proof.findings.map((/** @type {any} */ one) => h("li", { key: one.title, class: one.ok ? "ok" : "bad" }, icon(one.ok ? "check" : "cross"), h("div", null, h("p", null, one.title), h("p", { class: "hint" }, prose(one.detail)))))),
    ),
  );
}
