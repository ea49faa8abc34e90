// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { bytes, duration } from "./text.js";

/** What a download is doing, left and right above its bar. @param {any} download @returns {[string, string]} */
export function progressWords(download) {
  const { done_bytes: done, total_bytes: total, rate_bytes_per_s: rate, eta_s: eta, verified_bytes: verified } = download.progress;
  const size = total ? `${bytes(done)} of ${bytes(total)}` : done ? bytes(done) : "";
  switch (download.state) {
    case "active":
      return [size || "Connecting", [rate ? `${bytes(rate)}/s` : "", eta === null || eta === undefined ? "" : `${duration(Math.max(1, eta))} left`].filter(Boolean).join(" · ")];
    case "queued":
      return ["Queued", done ? percent(download) : total ? bytes(total) : ""];
    case "verifying":
      return ["Checking every byte", total ? `${bytes(verified)} of ${bytes(total)}` : size];
    case "installing":
      return ["Installing", size];
    case "waiting":
      return [waitingWords(download), percent(download)];
    case "paused":
      return ["Paused", percent(download)];
    case "failed":
      return [download.error?.detail ?? "Failed", ""];
    case "cancelled":
      return ["Cancelled", ""];
    default:
      return ["Installed", total ? bytes(total) : ""];
  }
}

/** @param {any} download */
function waitingWords(download) {
  const at = download.next_retry_at ? new Date(download.next_retry_at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" }) : null;
  return `${at ? `Tries again at ${at}` : "Waits to try again"}${download.error ? `: ${download.error.detail}` : ""}`;
}

/** @param {any} download */
function percent(download) {
  const { done_bytes: done, total_bytes: total } = download.progress;
  return total ? `${Math.floor((100 * done) / total)}%` : done ? bytes(done) : "";
}

/** The words and the bar. Not a live region: it changes ten times a second. @param {any} download @param {string} name */
export function progressBar(download, name) {
  const { done_bytes, total_bytes: total, verified_bytes } = download.progress;
  const done = download.state === "verifying" ? verified_bytes : done_bytes;
  const [left, right] = progressWords(download);
  const known = download.state === "installing" ? null : total ? Math.min(1, done / total) : download.state === "active" ? null : 0;
  return h(
    "div",
    { class: `progress ${download.state}` },
    h("div", { class: "progress-words" }, h("span", { title: left }, left), h("span", null, right)),
    h("progress", { max: "1", value: known, "aria-label": `Download of ${name}` }),
  );
}

/** The buttons that a download's state allows. @param {any} act @param {any} download @param {string} name */
export function downloadButtons(act, download, name) {
  /** @type {import("./dom.js").VNode[]} */
  const buttons = [];
  const one = (/** @type {string} */ verb, /** @type {any} */ drawing, /** @type {string} */ word) =>
    buttons.push(
      h(
        "button",
        { key: verb, type: "button", class: "button square", "aria-label": `${word} ${name}`, title: word, onclick: () => act.download(verb, download) },
        icon(drawing),
      ),
    );
  if (["queued", "active", "waiting"].includes(download.state)) one("pause", "pause", "Pause");
  if (download.state === "paused") one("resume", "play", "Resume");
  if (["failed", "cancelled"].includes(download.state)) one("retry", "retry", "Retry");
  if (["failed", "cancelled", "completed"].includes(download.state)) one("forget", "cross", "Take from the list:");
  else if (download.state !== "installing") one("cancel", "cross", "Cancel");
  return buttons;
}
