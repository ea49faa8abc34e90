// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { bytes } from "./text.js";

/** @type {Record<string, {running: string, completed: string, failed: string}>} */
const KINDS = {
  verify: { running: "Checking every byte", completed: "Checked", failed: "Could not be checked" },
  repair: { running: "Repairing", completed: "Repaired", failed: "Could not be repaired" },
  import: { running: "Importing", completed: "Imported", failed: "Could not be imported" },
};

/** What background work on an artifact is doing, or why it failed; nothing once it is done. @param {any} act @param {any} job @param {string} title */
export function jobWords(act, job, title) {
  const kind = KINDS[job.kind] ?? { running: job.kind, completed: job.kind, failed: `${job.kind} failed` };
  if (job.state === "failed") return h("p", { key: "job", class: "trouble" }, icon("warn"), h("span", null, `${kind.failed}: ${job.error?.detail ?? "its log says why"}`));
  if (job.state !== "running") return null;
  const { done_bytes: done, total_bytes: total } = job.progress;
  return h(
    "div",
    { key: "job", class: "job" },
    h(
      "div",
      { class: "progress verifying" },
      h("div", { class: "progress-words" }, h("span", null, job.waiting ? "Waits for its turn" : kind.running), h("span", null, total ? `${bytes(done)} of ${bytes(total)}` : "")),
      h("progress", { max: "1", value: job.waiting ? 0 : total ? Math.min(1, done / total) : null, "aria-label": `${kind.running}: ${title}` }),
    ),
    h("button", { type: "button", class: "button square", title: "Stop", "aria-label": `Stop: ${kind.running.toLowerCase()} ${title}`, onclick: () => act.cancelJob(job) }, icon("cross")),
  );
}
