// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { bytes, plural } from "./text.js";

/** @type {Record<string, string>} */
const ELSEWHERE = { administrator: "Set by the administrator", environment: "Set in the environment", argument: "Set on the command line" };

/** The limits of downloads as a form that is in force at once. @param {any} act @param {any} queue */
export function limitsForm(act, queue) {
  /** @type {import("../types/daemon").DownloadLimits | null} */
  const limits = queue.limits;
  if (!limits) return h("div", { key: "limits" });
  const rate = limits.max_bytes_per_s === null ? "" : String(limits.max_bytes_per_s / 1_000_000);
  const [from, to] = limits.schedule?.split("-") ?? ["", ""];
  return h(
    "details",
    { key: "limits", class: "panel limits" },
    h("summary", null, h("span", { class: "group" }, "Limits"), h("span", { class: "panel-sum" }, summary(limits))),
    h(
      "div",
      { class: "fields" },
      number(act, limits, queue, "max_active", "At once", limits.max_active, 1, 16, "Downloads that run at the same time"),
      field(limits, queue, "max_bytes_per_s", "Rate", "MB/s over all; empty is without a limit", (props) =>
        h("input", { ...props, type: "text", inputmode: "decimal", value: rate, placeholder: "no limit", onchange: (/** @type {any} */ event) => act.limitRate(event.currentTarget.value) }),
      ),
      number(act, limits, queue, "connections", "Connections", limits.connections, 1, 32, "Per download, at most"),
      schedule(act, limits, queue, from, to),
    ),
  );
}

/** @param {import("../types/daemon").DownloadLimits} limits */
function summary(limits) {
  return [`${limits.max_active} at once`, limits.max_bytes_per_s === null ? "no rate limit" : `${bytes(limits.max_bytes_per_s)}/s`, limits.schedule ? `only ${limits.schedule.replace("-", " to ")}` : "at any hour"].join(" · ");
}

/** @param {import("../types/daemon").DownloadLimits} limits @param {any} queue @param {string} name @param {string} word @param {string} hint @param {(props: any) => any} control */
function field(limits, queue, name, word, hint, control) {
  const fixed = limits.fixed.includes(name);
  const fault = queue.faults[name];
  const id = `limit-${name}`;
  return h(
    "div",
    { key: name, class: `field${fault ? " wrong" : ""}` },
    h("label", { for: id }, word),
    control({ id, disabled: fixed, "aria-describedby": `${id}-hint`, "aria-invalid": fault ? "true" : null }),
    h("p", { id: `${id}-hint`, class: "from" }, fault ? [icon("warn"), fault] : fixed ? [icon("lock"), ELSEWHERE[limits.sources[name]] ?? "Set elsewhere"] : hint),
  );
}

/** @param {any} act @param {any} limits @param {any} queue @param {string} name @param {string} word @param {number} value @param {number} min @param {number} max @param {string} hint */
function number(act, limits, queue, name, word, value, min, max, hint) {
  return field(limits, queue, name, word, hint, (props) =>
    h("input", { ...props, type: "number", min, max, value: String(value), onchange: (/** @type {any} */ event) => act.limit(name, event.currentTarget.valueAsNumber || min) }),
  );
}

/** @param {any} act @param {any} limits @param {any} queue @param {string} from @param {string} to */
function schedule(act, limits, queue, from, to) {
  const fixed = limits.fixed.includes("schedule");
  const fault = queue.faults.schedule;
  const change = (/** @type {any} */ event) => {
    const form = event.currentTarget.closest("fieldset");
    const [begin, end] = [...form.querySelectorAll("input[type=time]")].map((input) => input.value);
    act.limit("schedule", begin && end ? `${begin}-${end}` : null);
  };
  return h(
    "fieldset",
    { key: "schedule", class: `field schedule${fault ? " wrong" : ""}`, disabled: fixed },
    h("legend", null, "Only between"),
    h(
      "span",
      { class: "span" },
      h("input", { type: "time", "aria-label": "From", value: from, onchange: change }),
      h("span", { "aria-hidden": "true" }, "–"),
      h("input", { type: "time", "aria-label": "To", value: to, onchange: change }),
      limits.schedule && !fixed ? h("button", { key: "always", type: "button", class: "button plain", onclick: () => act.limit("schedule", null) }, "At any hour") : null,
    ),
    h("p", { class: "from" }, fault ? [icon("warn"), fault] : fixed ? [icon("lock"), ELSEWHERE[limits.sources.schedule] ?? "Set elsewhere"] : "Local time; over midnight is fine"),
  );
}

/** Partial files that no download owns. @param {any} act @param {any} queue @param {boolean} busy */
export function leftovers(act, queue, busy) {
  const left = queue.leftovers;
  if (!left?.items.length) return null;
  return h(
    "section",
    { key: "leftovers", class: "panel row", "aria-label": "Leftovers" },
    h("p", { class: "row-main" }, h("strong", null, "Left behind"), ` ${plural(left.items.length, "partial file")} of downloads that are gone, ${bytes(left.total_bytes)}.`),
    h("button", { type: "button", class: "button", disabled: busy, onclick: () => act.removeLeftovers() }, icon("trash"), "Remove"),
  );
}

/** What holds for one download alone: its rate and its place before others. @param {any} act @param {any} download @param {{rate: string | undefined, priority: string | undefined}} faults @param {string} title */
export function ownLimits(act, download, faults, title) {
  const { id, max_bytes_per_s: rate, priority } = download;
  const said = [rate ? `${bytes(rate)}/s at most` : null, priority ? `priority ${priority}` : null].filter(Boolean).join(" · ");
  /** @param {"priority" | "max_bytes_per_s"} name @param {string} word @param {string} value @param {string} placeholder @param {string} hint @param {string | undefined} fault */
  const line = (name, word, value, placeholder, hint, fault) =>
    h(
      "div",
      { key: name, class: `field${fault ? " wrong" : ""}` },
      h("label", { for: `${name}-${id}` }, word, h("span", { class: "unseen" }, ` of ${title}`)),
      h("input", { id: `${name}-${id}`, type: "text", inputmode: "decimal", value, placeholder, autocomplete: "off", "aria-describedby": `${name}-${id}-hint`, "aria-invalid": fault ? "true" : null, onchange: (/** @type {any} */ event) => act.own(download, name, event.currentTarget.value) }),
      h("p", { id: `${name}-${id}-hint`, class: "from" }, fault ? [icon("warn"), fault] : hint),
    );
  return h(
    "details",
    { key: "own", class: "in-force" },
    h("summary", null, said || "Rate and priority"),
    h(
      "div",
      { class: "fields" },
      line("max_bytes_per_s", "Rate", rate ? String(rate / 1_000_000) : "", "no limit", "MB/s of this one; empty is without a limit", faults.rate),
      line("priority", "Priority", String(priority), "0", "Higher goes first: -100 to 100", faults.priority),
    ),
  );
}
