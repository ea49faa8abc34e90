// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { noticeList } from "./notices.js";
import { bytes } from "./text.js";

/** The tabs in their order. What they show is `views` of the page's value, by the same names. */
export const TABS = [
  { view: "browse", word: "Browse" },
  { view: "installed", word: "Installed" },
  { view: "updates", word: "Updates", lively: true },
  { view: "downloads", word: "Downloads", lively: true },
  { view: "servers", word: "Servers" },
  { view: "activity", word: "Activity" },
  { view: "trials", word: "Trials" },
  { view: "settings", word: "Settings" },
];
/** @type {Record<string, string>} */
const CONNECTION = { connected: "Connected", connecting: "Connecting", lost: "Reconnecting" };

/** The tab that a route shows. @param {{view: string}} route */
export function tabOf({ view }) {
  return TABS.find((tab) => tab.view === view) ?? TABS[0];
}

/** The whole page. @param {any} act @param {any} value @param {any} derived */
export function page(act, value, derived) {
  const over = value.signedIn ? value.overlays.map((/** @type {any} */ overlay) => overlay(act, value, derived)) : [];
  return [
    h("a", { key: "skip", class: "skip", href: "#main", onclick: (/** @type {any} */ event) => act.skip(event) }, "Skip to the content"),
    header(value, derived),
    h(
      "main",
      { key: "main", id: "main", tabindex: "-1" },
      value.signedIn ? null : signIn(value.signIn),
      value.signedIn && value.connection === "lost" ? lost() : null,
      value.signedIn ? h("div", { key: value.route.view, class: "view" }, (value.views[value.route.view] ?? coming)(act, value, derived)) : null,
    ),
    over,
    over.some(Boolean) ? null : noticeList(act, value.notices),
  ];
}

/** A view whose script is on its way. */
function coming() {
  return h("p", { class: "summary", role: "status" }, "Reading…");
}

/** @param {any} value @param {any} derived */
function header(value, derived) {
  /** @type {Record<string, number>} */
  const counts = { installed: value.live.library.size, updates: derived.updates, downloads: derived.underWay, servers: derived.running, trials: derived.trials };
  return h(
    "header",
    { key: "header", class: "top" },
    h("span", { class: "brand" }, h("span", { class: "logo" }, icon("box")), h("span", { class: "brand-name" }, "Model Hub")),
    value.signedIn
      ? h(
          "nav",
          { "aria-label": "Main" },
          TABS.map(({ view, word, lively }) =>
            h(
              "a",
              { key: view, class: view in counts ? "counts" : null, href: `#/${view}`, "aria-current": value.route.view === view ? "page" : null },
              word,
              counts[view] ? h("span", { class: `count${lively ? " lively" : ""}` }, counts[view]) : null,
            ),
          ),
        )
      : null,
    value.signedIn
      ? h(
          "p",
          { class: "machine" },
          value.live.records?.audit?.length ? h("a", { key: "audit", class: "auditing", href: "#/activity", title: "Content of some requests is kept" }, icon("lock"), h("span", { class: "word" }, "Content audit is on")) : null,
          h("a", { class: "device", href: "#/settings", title: "About this computer" }, machine(value.live.device)),
          h("span", { class: `connection ${value.connection}`, role: "status" }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "word" }, CONNECTION[value.connection])),
        )
      : null,
  );
}

/** @param {any} device */
function machine(device) {
  if (!device) return "";
  const gpu = device.gpus?.[0];
  const parts = gpu && !gpu.unified ? [gpu.name, `${bytes(gpu.free_bytes)} of ${bytes(gpu.total_bytes)} free`] : [];
  return [...parts, `${bytes(device.ram_available_bytes)} of ${bytes(device.ram_total_bytes)} RAM free`].join(" · ");
}

function lost() {
  return h("p", { key: "lost", class: "lost" }, icon("warn"), "The daemon does not answer. What you see may be old; this page goes on by itself when it is back. `modelhub daemon start` starts it.");
}

/** @param {{state: "none" | "asked" | "refused", detail: string}} sign */
function signIn(sign) {
  if (sign.state === "asked") return h("div", { key: "asked", class: "sign-in" }, h("p", { role: "status" }, "Signing in…"));
  return h(
    "section",
    { key: "sign-in", class: "sign-in", "aria-labelledby": "sign-in" },
    h("span", { class: "logo large" }, icon("box")),
    h("h1", { id: "sign-in" }, "Sign in to Model Hub"),
    sign.state === "refused" ? h("p", { class: "trouble", role: "alert" }, icon("warn"), h("span", null, sign.detail)) : null,
    h("p", null, "This page shows and changes what is on this computer, so it asks who you are. In a terminal, run"),
    h("pre", null, h("code", null, "modelhub ui")),
    h("p", null, "It opens this page signed in. This browser then stays signed in for 30 days."),
  );
}
