// @ts-check
import { h } from "../../js/dom.js";
import { plural } from "../../js/text.js";
import { UNKNOWN } from "./data.js";
import { extent } from "./diff.js";
import { issueWords } from "./issues.js";
import { badge, choice, empty, heading, moment, showMore, statusBadge, waiting } from "./pieces.js";
import { queryOf, reviewAddress } from "./routes.js";

const STATUSES = /** @type {[string, string][]} */ ([["", "Waiting"], ["approved", "Approved"], ["rejected", "Rejected"], ["cancelled", "Cancelled"], ["withdrawn", "Withdrawn"]]);

/** @param {any} route */
const queuePath = (route) => `/reviews?${queryOf({ status: route.query.status || "pending", limit: 50 })}`;

/** @param {any} route */
export function needs(route) {
  return [{ path: queuePath(route) }];
}

/** The queue. @param {any} act @param {any} value */
export function reviews(act, value) {
  const { route, me } = value;
  const key = queuePath(route);
  const known = value.data.get(key) ?? UNKNOWN;
  return [
    heading("Reviews", choice(act, route, "status", "Show", STATUSES)),
    known.value === null
      ? waiting(act, known)
      : known.value.items.length === 0
        ? empty("check", route.query.status ? "There are none." : "Nothing waits for a decision. What publishers send appears here by itself.")
        : [
            h("p", { key: "summary", class: "summary", role: "status" }, `${plural(known.value.total, "version")} ${route.query.status ? "" : "waiting, the oldest first"}`),
            h("ul", { key: "rows", class: "rows" }, known.value.items.map((/** @type {any} */ review) => row(me, review))),
            showMore(act, key, known.value, "versions"),
          ],
  ];
}

/** @param {any} me @param {any} review */
function row(me, review) {
  const { version } = review;
  const own = version.published_by === me.principal;
  return h(
    "li",
    { key: `${version.model}@${version.version}`, class: "row linked", "data-review": `${version.model}@${version.version}` },
    h(
      "div",
      { class: "row-main" },
      h("div", { class: "title-line" }, h("h2", null, h("a", { href: reviewAddress(version.model, version.version) }, version.model), h("span", { class: "version" }, `version ${version.version}`)), version.status === "pending" ? readiness(review) : statusBadge(version.status)),
      version.notes ? h("p", { class: "notes" }, version.notes) : null,
      h("p", { class: "facts" }, [extent(review), issueWords(review.issues), `published by ${version.published_by}${own ? " (you)" : ""}`].filter(Boolean).map((fact) => h("span", { key: fact }, fact)), h("span", { key: "when" }, moment(version.published_at))),
    ),
  );
}

/** @param {any} review */
export function readiness(review) {
  if (review.blocked) return badge("bad", "cross", "Blocked");
  if (review.issues.some((/** @type {any} */ issue) => issue.severity === "warning")) return badge("warn", "warn", "With warnings");
  return badge("ok", "check", "Ready");
}
