// @ts-check
import { h } from "../../js/dom.js";
import { icon } from "../../js/icons.js";
import { UNKNOWN } from "./data.js";
import { extent } from "./diff.js";
import { input } from "./forms.js";
import { issueList, issueWords } from "./issues.js";
import { button, definitions, heading, link, moment, panel, statusBadge, waiting } from "./pieces.js";
import { readiness } from "./reviews.js";
import { can, canPublish, whyNotDecide } from "./rights.js";
import { modelAddress, modelPath } from "./routes.js";
import { differences, entryOf } from "./values.js";

/** @param {any} route */
function pathsOf(route) {
  const [publisher, name, version] = route.parts;
  const model = `${publisher}/${name}`;
  const at = `${modelPath(model)}/versions/${encodeURIComponent(version)}`;
  return { model, review: `${at}/review`, version: at, served: modelPath(model) };
}

/** @param {any} route */
export function needs(route) {
  const paths = pathsOf(route);
  return [{ path: paths.review }, { path: paths.version }, { path: paths.served }];
}

/** One version under review. @param {any} act @param {any} value */
export function review(act, value) {
  const { route, me } = value;
  const paths = pathsOf(route);
  const known = value.data.get(paths.review) ?? UNKNOWN;
  if (known.value === null) return [heading(paths.model), waiting(act, known)];
  const found = known.value;
  const { version } = found;
  const entry = value.data.get(paths.version)?.value?.entry;
  const served = value.data.get(paths.served)?.value?.entry;
  return [
    h("p", { key: "back", class: "trail" }, link("#/reviews", "Reviews")),
    heading([h("span", { key: "model" }, version.model), h("span", { key: "version", class: "version" }, `version ${version.version}`)], version.status === "pending" ? readiness(found) : statusBadge(version.status), link(modelAddress(version.model), "Show the model")),
    h(
      "div",
      { key: "split", class: "split" },
      h(
        "div",
        { class: "split-main" },
        version.notes ? panel("What is new, in the publisher's words", null, h("p", { class: "notes" }, version.notes)) : null,
        found.served_version === null
          ? panel("New model", h("span", { class: "aside" }, "nothing of it is served yet"), entry ? entryOf(entry) : null)
          : panel("What changes", h("span", { class: "aside" }, extent(found)), found.changes.length ? differences(found.changes, entry, served) : h("p", { class: "calm" }, "Nothing that machines would see.")),
        panel("Issues", h("span", { class: "aside" }, issueWords(found.issues)), issueList(found.issues)),
        found.served_version !== null && entry ? h("details", { class: "sheet fold" }, h("summary", null, "The whole entry"), entryOf(entry)) : null,
      ),
      h("aside", { class: "split-side" }, facts(found, me), decision(act, value, found)),
    ),
  ];
}

/** @param {any} review @param {any} me */
function facts({ version, served_version: served }, me) {
  return panel(
    "Version",
    null,
    definitions([
      ["Published by", version.published_by === me.principal ? `${version.published_by} (you)` : version.published_by],
      ["Published", moment(version.published_at)],
      ["Served now", served === null ? "no version" : `version ${served}`],
      ["Content", h("code", { class: "digest" }, version.content_sha256)],
      version.decided_by ? ["Decided by", version.decided_by] : null,
      version.decided_by ? ["Decided", moment(version.decided_at)] : null,
      version.reason ? ["Reason", version.reason] : null,
      version.withdraw_reason ? ["Withdrawn, because", version.withdraw_reason] : null,
      version.four_eyes === false ? ["Four eyes", h("span", { class: "warned" }, "one person alone decided")] : null,
    ]),
  );
}

/** For who was about to decide, or has decided, when another one was first. @param {any} version @param {any} me @param {any} draft */
function tooLate(version, me, draft) {
  if (!(draft.fault || draft.reason) || version.decided_by === me.principal) return null;
  const done = version.status === "cancelled" ? "It was taken back by its publisher meanwhile." : `${version.decided_by} has ${version.status === "rejected" ? "rejected" : "approved"} it meanwhile.`;
  return panel("Decision", null, h("p", { class: "refused", role: "alert" }, icon("warn"), h("span", null, `${done} Your decision does not count${draft.reason ? ", and your reason was not kept" : ""}.`)));
}

/** @param {any} act @param {any} value @param {any} review */
function decision(act, value, review) {
  const { me } = value;
  const { version } = review;
  const form = `review ${version.model}@${version.version}`;
  const draft = value.drafts[form] ?? {};
  if (version.status !== "pending") return tooLate(version, me, draft);
  const busy = value.busy.has(form);
  const why = can(me, "review") ? whyNotDecide(me, version) : "Deciding takes a token with the scope review.";
  const alone = !me.four_eyes && version.published_by === me.principal;
  const errors = review.issues.filter((/** @type {any} */ issue) => issue.severity === "error").length;
  const reason = (draft.reason ?? "").trim();
  return panel(
    "Decision",
    null,
    why ? h("p", { key: "why", id: "why-not", class: "refused" }, icon("warn"), h("span", null, why)) : null,
    review.blocked ? h("p", { key: "blocked", id: "why-blocked", class: "refused bad" }, icon("cross"), h("span", null, `${errors === 1 ? "One issue is an error" : `${errors} issues are errors`}: approval is blocked. Reject it, and say what has to be mended; a mended version can be published.`)) : null,
    alone ? h("p", { key: "alone", class: "refused" }, icon("warn"), h("span", null, "Four eyes is off: you may approve what you published, and the audit log will say so.")) : null,
    why ? null : input({ name: "reason", label: "Reason", kind: "area", hint: "Shown to the publisher and kept in the audit log. A rejection needs one.", most: 2000 }, draft.reason ?? "", (text) => act.draft(form, "reason", text), draft.faults?.reason),
    draft.fault ? h("p", { key: "fault", class: "trouble", role: "alert" }, icon("warn"), h("span", null, draft.fault)) : null,
    h(
      "div",
      { key: "buttons", class: "buttons even" },
      why && canPublish(me, version.model) ? button("Take it back", () => act.cancel(version), { disabled: busy }) : null,
      why ? null : button("Reject", () => act.decide(form, version, "reject", reason), { disabled: busy, drawing: "cross" }),
      why ? null : button("Approve", () => act.decide(form, version, "approve", reason), { tone: "primary", drawing: "check", disabled: busy || review.blocked, describedBy: review.blocked ? "why-blocked" : undefined }),
    ),
    why ? null : h("p", { key: "digest", class: "hint" }, "The decision names the content shown here, by its digest: if another one arrived meanwhile, it is refused."),
  );
}

