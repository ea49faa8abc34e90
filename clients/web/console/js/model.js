// @ts-check
import { h } from "../../js/dom.js";
import { icon } from "../../js/icons.js";
import { plural } from "../../js/text.js";
import { UNKNOWN } from "./data.js";
import { issueList } from "./issues.js";
import { state } from "./models.js";
import { button, complianceBadge, definitions, heading, link, moment, panel, seal, showMore, statusBadge, waiting } from "./pieces.js";
import { can, canPublish } from "./rights.js";
import { address, modelPath, reviewAddress } from "./routes.js";
import { entryOf } from "./values.js";

/** @param {any} route */
function pathsOf(route) {
  const model = route.parts.join("/");
  const at = modelPath(model);
  return { model, one: at, versions: `${at}/versions?limit=50`, issues: route.query.version ? `${at}/versions/${encodeURIComponent(route.query.version)}/issues` : null };
}

/** Every template, for what verification would change. */
export const EVERY_TEMPLATE = { path: "/templates?limit=200", all: true };

/** @param {any} route */
export function needs(route) {
  const paths = pathsOf(route);
  return [{ path: paths.one }, { path: paths.versions }, EVERY_TEMPLATE, ...(paths.issues ? [{ path: paths.issues }] : [])];
}

/** One model. @param {any} act @param {any} value */
export function model(act, value) {
  const { route, me } = value;
  const paths = pathsOf(route);
  const known = value.data.get(paths.one) ?? UNKNOWN;
  if (known.value === null) return [heading(paths.model), waiting(act, known)];
  const found = known.value;
  const versions = value.data.get(paths.versions)?.value;
  const templates = value.data.get(`${EVERY_TEMPLATE.path} *`)?.value?.items ?? [];
  return [
    h("p", { key: "back", class: "trail" }, link("#/models", "Models")),
    heading([h("span", { key: "id" }, found.id), found.verified ? seal() : null], state(found)),
    found.tombstone ? h("p", { key: "tombstone", class: "refused" }, icon("warn"), h("span", null, `Withdrawn ${new Date(found.tombstone.withdrawn_at).toLocaleDateString()}: ${found.tombstone.reason}`)) : null,
    h(
      "div",
      { key: "split", class: "split" },
      h("div", { class: "split-main" }, versions ? versionList(act, value, versions, paths) : null, found.entry ? panel("What machines are told", h("span", { class: "aside" }, `version ${found.served_version}`), entryOf(found.entry)) : null),
      h("aside", { class: "split-side" }, verification(act, found, me), usedBy(found, templates), counters(act, found, me)),
    ),
  ];
}

/** @param {any} act @param {any} found @param {any} me */
function verification(act, found, me) {
  const served = found.served_version !== null;
  const may = can(me, "verify");
  return panel(
    "Verification",
    null,
    h(
      "label",
      { class: "toggle" },
      h("input", {
        type: "checkbox",
        class: "switch",
        role: "switch",
        checked: found.verified,
        disabled: !may || !served,
        onclick: (/** @type {any} */ event) => {
          event.preventDefault();
          act.verify(found, !found.verified);
        },
      }),
      h("span", null, found.verified ? "Verified" : "Not verified"),
    ),
    found.verified ? h("p", { class: "hint" }, `by ${found.verified_by}, `, moment(found.verified_at)) : null,
    !served ? h("p", { class: "hint" }, "Only a model that is served can be verified. Approve a version first.") : !may ? h("p", { class: "hint" }, "Changing it takes the scope verify.") : h("p", { class: "hint" }, "You are shown which badges move before anything changes."),
  );
}

/** @param {any} found @param {any[]} templates */
function usedBy(found, templates) {
  const users = templates.filter((template) => template.models.includes(found.id));
  return panel(
    "Templates",
    h("span", { class: "aside" }, plural(users.length, "template")),
    users.length ? h("ul", { class: "list-lines" }, users.map((template) => h("li", { key: template.id }, link(address("templates", [template.id]), template.name), complianceBadge(template.compliant)))) : h("p", { class: "hint" }, "No template uses it."),
  );
}

/** @param {any} act @param {any} found @param {any} me */
function counters(act, found, me) {
  const { downloads, stars } = found.counters;
  return panel(
    "Counters",
    null,
    definitions([["Downloads", downloads.toLocaleString("en")], ["Stars", stars.toLocaleString("en")]]),
    can(me, "admin") ? h("div", { class: "buttons even" }, button("Reset to zero", () => act.resetCounters(found), { disabled: downloads + stars === 0, drawing: "retry" })) : null,
  );
}

/** @param {any} act @param {any} value @param {any} versions @param {any} paths */
function versionList(act, value, versions, paths) {
  return panel(
    "Versions",
    h("span", { class: "aside" }, plural(versions.total, "version")),
    h("ol", { class: "history", reversed: true }, versions.items.map((/** @type {any} */ version) => versionRow(act, value, version, paths))),
    showMore(act, paths.versions, versions, "versions"),
  );
}

/** @param {any} act @param {any} value @param {any} version @param {any} paths */
function versionRow(act, value, version, paths) {
  const { me, route } = value;
  const open = route.query.version === String(version.version);
  const issues = open ? value.data.get(paths.issues)?.value : null;
  return h(
    "li",
    { key: version.version, "data-version": version.version },
    h("div", { class: "title-line" }, h("h3", null, `Version ${version.version}`, version.served ? h("span", { class: "origin" }, "served") : null), statusBadge(version.status)),
    version.notes ? h("p", { class: "notes" }, version.notes) : null,
    h("p", { class: "facts" }, h("span", { key: "by" }, `published by ${version.published_by}, `, moment(version.published_at)), version.decided_by ? h("span", { key: "decided" }, `${version.status === "rejected" ? "rejected" : "approved"} by ${version.decided_by}, `, moment(version.decided_at)) : null, version.four_eyes === false && version.decided_by === version.published_by ? h("span", { key: "alone", class: "warned" }, "by one person alone") : null),
    version.reason ? h("p", { class: "reason-given" }, `“${version.reason}”`) : null,
    version.withdraw_reason ? h("p", { class: "reason-given" }, `Withdrawn by ${version.withdrawn_by}: “${version.withdraw_reason}”`) : null,
    h(
      "div",
      { class: "buttons even" },
      version.status === "pending" && can(me, "review") ? h("a", { key: "review", class: "button primary", href: reviewAddress(version.model, version.version) }, "Review") : null,
      version.issues ? h("a", { key: "issues", class: "button", href: address("models", route.parts, open ? {} : { version: String(version.version) }), "aria-expanded": String(open) }, open ? "Hide issues" : plural(version.issues, "issue")) : null,
      version.status === "pending" && canPublish(me, version.model) ? button("Take it back", () => act.cancel(version), { label: `Take version ${version.version} back` }) : null,
      version.status === "approved" && can(me, "admin") ? button("Withdraw", () => act.withdraw(version, value), { drawing: "power", label: `Withdraw version ${version.version}` }) : null,
    ),
    issues ? issueList(issues) : null,
  );
}
