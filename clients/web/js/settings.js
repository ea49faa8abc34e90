// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { POLICY_WORDS, PUBLISHERS_WORD } from "./policy_words.js";
import { firstRun, sourceList } from "./provided.js";
import { bytes, day, duration, plural, since } from "./text.js";
import { THEMES } from "./theme.js";

/** @typedef {import("../types/daemon").Policy} Policy */
/** What is decided there is not changed here. */
const ELSEWHERE = new Set(["environment", "argument"]);
/** @type {Record<string, string>} */
const SOURCES = { default: "default", file: "from config.toml", saved: "chosen here", environment: "from the environment", argument: "from the command line", administrator: "set by the administrator" };
const THEME_WORDS = { system: "As the system", light: "Light", dark: "Dark" };

/** The Settings tab. @param {any} act @param {any} value */
export function settings(act, value) {
  const { live, about } = value;
  return h(
    "div",
    { class: "content only settings" },
    h("h1", { class: "unseen" }, "Settings"),
    h("p", { class: "summary", role: "status" }, about.status ? `Model Hub ${about.status.version}, running for ${duration(about.status.uptime_s)}` : "Reading…"),
    about.status?.warnings.map((/** @type {string} */ warning) => h("p", { key: warning, class: "trouble" }, icon("warn"), h("span", null, warning))),
    policies(act, live.policy, value.busy.has("policy")),
    catalog(act, live.catalog, value.busy.has("sync")),
    provided(act, about, value.busy.has("provided")),
    machine(live.device, about.status),
    outbound(about.status, live.policy),
    access(act, value),
    configuration(about.config),
  );
}

/** @param {string} title @param {string} id @param {...any} content */
function panel(title, id, ...content) {
  return h("section", { key: id, class: "panel", "aria-labelledby": id }, h("h2", { id, class: "group" }, title), content);
}

/** @param {any} act @param {Policy | null} policy @param {boolean} busy */
function policies(act, policy, busy) {
  if (!policy) return null;
  const publishers = policy.allowed_publishers;
  return panel(
    "What may be used",
    "policies",
    h(
      "ul",
      { class: "switches" },
      POLICY_WORDS.map(([name, word, hint]) => {
        const rule = /** @type {import("../types/daemon").PolicySwitch} */ (policy[name]);
        return h(
          "li",
          { key: name },
          h(
            "label",
            { class: "setting" },
            h("span", null, h("strong", null, word), h("small", null, hint)),
            origin(rule, `${name}-from`),
            h("input", { type: "checkbox", class: "switch", role: "switch", checked: rule.value, disabled: isFixed(rule) || busy, "aria-label": word, "aria-describedby": `${name}-from`, onchange: () => act.policy({ [name]: !rule.value }) }),
          ),
        );
      }),
      h(
        "li",
        { key: "publishers" },
        h(
          "label",
          { class: "setting" },
          h("span", null, h("strong", null, PUBLISHERS_WORD), h("small", null, "First parts of model ids, with commas; empty allows all")),
          origin(publishers, "publishers-from"),
          h("input", { type: "text", class: "text", value: publishers.value.join(", "), disabled: isFixed(publishers) || busy, placeholder: "all", "aria-label": PUBLISHERS_WORD, "aria-describedby": "publishers-from", onchange: (/** @type {any} */ event) => act.policy({ allowed_publishers: event.currentTarget.value.split(/[\s,]+/).filter(Boolean) }) }),
        ),
      ),
    ),
  );
}

/** @param {{source: string, locked: boolean}} rule */
function isFixed({ source, locked }) {
  return locked || ELSEWHERE.has(source);
}

/** Who says so, and whether that is the last word. @param {{source: string, locked: boolean}} rule @param {string} id */
function origin(rule, id) {
  return h("span", { class: "from", id }, isFixed(rule) ? icon("lock") : null, `${SOURCES[rule.source] ?? rule.source}${rule.locked ? ", locked" : ""}`);
}

/** @param {any} act @param {import("../types/daemon").CatalogInfo | null} info @param {boolean} busy */
function catalog(act, info, busy) {
  if (!info) return null;
  /** @type {[string, any][]} */
  const pairs = [
    ["Comes from", info.registry ? `the registry at ${info.registry}` : "Model Hub's own list"],
    ["Revision", info.revision],
    ["Models", `${info.models.toLocaleString("en")}${info.local_entries ? `, ${info.local_entries} of them entries of your own` : ""}`],
    ["Synced", info.synced_at ? since(info.synced_at) : null],
    ["Good until", info.expires_at ? day(info.expires_at) : null],
    ["Audit log seen", info.audit ? `${plural(info.audit.size, "entry", "entries")}, ${info.audit.root_hash.slice(0, 12)}` : null],
  ];
  return panel(
    "Catalog",
    "catalog",
    info.stale ? h("p", { key: "stale", class: "trouble" }, icon("warn"), h("span", null, `The catalog is older than it may be${info.stale_since ? `, since ${day(info.stale_since)}` : ""}.`)) : null,
    info.last_error ? h("p", { key: "error", class: "trouble" }, icon("warn"), h("span", null, info.last_error.detail)) : null,
    info.audit?.alarm ? h("p", { key: "alarm", class: "trouble" }, icon("shield"), h("span", null, info.audit.alarm.detail)) : null,
    pairsOf(pairs),
    info.faults.length ? h("details", { key: "faults", class: "faults" }, h("summary", null, `${plural(info.faults.length, "entry", "entries")} of your own could not be read`), h("ul", { class: "lines" }, info.faults.map((fault) => h("li", { key: fault.file + fault.pointer }, h("code", null, `${fault.file}${fault.pointer}`), ` ${fault.reason}`)))) : null,
    h("div", { key: "buttons", class: "panel-buttons" }, h("button", { type: "button", class: "button", disabled: busy, onclick: () => act.sync() }, icon("retry"), busy ? "Looking…" : "Look for news now")),
  );
}

/** @param {any} act @param {any} about @param {boolean} busy */
function provided(act, { firstRun: items, sources }, busy) {
  if (!items?.length && !sources?.length) return null;
  return panel(
    "Brought by others",
    "provided",
    items?.length ? [h("h3", { key: "first" }, "Wanted at the first run"), firstRun(act, items, busy)] : null,
    sources?.length ? [h("h3", { key: "sources" }, "Folders of models"), sourceList(act, sources, busy)] : null,
  );
}

/** @param {[string, any][]} pairs */
function pairsOf(pairs) {
  return h("dl", { key: "pairs", class: "pairs" }, pairs.filter(([, what]) => what !== null && what !== undefined && what !== "").map(([word, what]) => h("div", { key: word }, h("dt", null, word), h("dd", null, what))));
}

/** @param {import("../types/daemon").Device | null} device @param {import("../types/daemon").Status | null} status */
function machine(device, status) {
  if (!device) return null;
  const builds = device.llama_servers;
  return panel(
    "This computer",
    "machine",
    pairsOf([
      ["System", `${device.os === "linux" ? device.os_version : `${device.os} ${device.os_version}`}, ${device.arch}`],
      ["Processor", `${device.cpu_model ?? "unknown"}, ${plural(device.cpu_cores, "core")}`],
      ["Memory", `${bytes(device.ram_available_bytes)} of ${bytes(device.ram_total_bytes)} available`],
      ...device.gpus.map((gpu) => /** @type {[string, any]} */ ([`Graphics ${gpu.id}`, gpu.unified ? `${gpu.name}, shares the memory` : `${gpu.name}, ${bytes(gpu.free_bytes)} of ${bytes(gpu.total_bytes)} free`])),
      ["Models folder", h("code", null, device.models_dir)],
      ["Disk", device.models_dir_present ? `${bytes(device.disk_free_bytes)} of ${bytes(device.disk_total_bytes)} free${status ? `, ${bytes(status.disk_used_bytes)} used by models` : ""}` : "the models folder is not there"],
      ["Daemon takes", status ? `${bytes(status.rss_bytes)} of memory` : null],
    ]),
    h("h3", { key: "builds" }, "llama-server"),
    builds.length
      ? h(
          "ul",
          { key: "list", class: "lines" },
          builds.map((build) => h("li", { key: build.id }, h("span", { class: `badge small ${build.usable ? "ok" : "bad"}` }, icon(build.usable ? "check" : "cross"), build.usable ? "Usable" : "Not usable"), ` ${build.version ?? build.id} (${build.origin})`, build.reason ? `: ${build.reason}` : "")),
        )
      : h("p", { key: "none", class: "trouble" }, icon("warn"), h("span", null, "There is none, so no model can be loaded. `modelhub doctor` says how to get one.")),
  );
}

/** @param {import("../types/daemon").Status | null} status @param {Policy | null} policy */
function outbound(status, policy) {
  if (!status) return null;
  return panel(
    "What went out",
    "outbound",
    policy?.offline.value ? h("p", { key: "offline", class: "note" }, icon("shield"), h("span", null, "Offline: the daemon opens no connection at all.")) : null,
    status.outbound.length
      ? h(
          "div",
          { key: "table", class: "scrolls", tabindex: "0", role: "region", "aria-label": "Connections made" },
          h(
            "table",
            null,
            h("thead", null, h("tr", null, ["Host", "What for", "Connections"].map((word) => h("th", { key: word, scope: "col", class: word === "Connections" ? "figure" : null }, word)))),
            h("tbody", null, status.outbound.map((one) => h("tr", { key: one.host + one.purpose }, h("td", null, h("code", null, one.host)), h("td", null, one.purpose), h("td", { class: "figure" }, one.connections)))),
          ),
        )
      : h("p", { key: "none", class: "from" }, "No connection was made since the daemon started."),
  );
}

/** @param {any} act @param {any} value */
function access(act, value) {
  return panel(
    "This browser",
    "access",
    h(
      "label",
      { key: "theme", class: "setting" },
      h("span", null, h("strong", null, "Appearance"), h("small", null, value.themeHosted ? "The application that shows this page has chosen" : "Kept in this browser")),
      h("span", { class: "select" }, h("select", { value: value.theme, "aria-label": "Appearance", onchange: (/** @type {any} */ event) => act.theme(event.currentTarget.value) }, THEMES.map((theme) => h("option", { key: theme, value: theme }, THEME_WORDS[theme]))), icon("chevron")),
    ),
    h(
      "div",
      { key: "buttons", class: "panel-buttons" },
      h("button", { type: "button", class: "button", onclick: () => act.signOut() }, "Sign out"),
      h("button", { type: "button", class: "button danger quiet", onclick: () => act.rotateToken() }, "End every session"),
    ),
  );
}

/** @param {import("../types/daemon").ConfigAnswer | null} config */
function configuration(config) {
  if (!config) return null;
  const rows = Object.entries(config.values).sort(([a], [b]) => (a < b ? -1 : 1));
  return h(
    "details",
    { key: "configuration", class: "panel" },
    h("summary", null, h("span", { class: "group" }, "Configuration"), h("span", { class: "panel-sum" }, "every setting in force, and where it comes from")),
    h(
      "div",
      { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Configuration" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, ["Setting", "Value", "From"].map((word) => h("th", { key: word, scope: "col" }, word)))),
        h("tbody", null, rows.map(([name, one]) => h("tr", { key: name }, h("td", null, h("code", null, name)), h("td", null, shown(one.value)), h("td", { class: "from" }, one.locked ? icon("lock") : null, SOURCES[one.source] ?? one.source)))),
      ),
    ),
  );
}

/** @param {any} value */
function shown(value) {
  if (value === null || value === "") return "–";
  return Array.isArray(value) ? value.join(", ") || "–" : String(value);
}
