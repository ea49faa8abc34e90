// @ts-check
import { confirmed } from "./dialog.js";
import { POLICY_WORDS, PUBLISHERS_WORD } from "./policy_words.js";
import { bytes, plural } from "./text.js";

/** What a person may do about updates and about the files of what is installed.
 * @param {{api: any, trying: ReturnType<typeof import("./trying.js").createTrying>, ask?: typeof confirmed}} parts */
export function createUpdating({ api, trying, ask = confirmed }) {
  /** @param {any} answer */
  function sayRefused(answer) {
    for (const one of answer?.refused ?? []) trying.say(one.detail, "bad");
  }

  return {
    /** @param {any} update @param {{now?: boolean, force?: boolean}} [how] */
    async applyUpdate(update, { now = false, force = false } = {}) {
      sayRefused(await trying.tried(`update:${update.id}`, () => api.post("/updates/apply", { ids: [update.id], switch: now ? "now" : "next_load", force })));
    },
    /** @param {any[] | null} shown only these */
    async applyAll(shown) {
      sayRefused(await trying.tried("updates", () => api.post("/updates/apply", shown ? { ids: shown.map((update) => update.id) } : {})));
    },
    /** @param {any} artifact @param {string} title */
    async rollBack(artifact, title) {
      const plan = await trying.tried(artifact.id, () => api.post("/updates/rollback", { model: artifact.model, dry_run: true }));
      if (!plan) return;
      const text = `Version ${plan.to_version} takes the place of version ${plan.from_version}, from the next load on. Version ${plan.from_version} stays installed and is not offered again.`;
      if (!(await ask({ title: `Go back to version ${plan.to_version} of ${title}?`, text, confirm: "Go back" }))) return;
      await trying.tried(artifact.id, () => api.post("/updates/rollback", { model: artifact.model }));
    },
    /** Hash it again, or fetch its damaged parts again. @param {"verify" | "repair"} verb @param {any} artifact */
    work: (verb, artifact) => trying.tried(artifact.id, () => api.post(`/library/${artifact.id}/${verb}`)),
    /** @param {any} job */
    cancelJob: (job) => trying.tried(job.id, () => api.post(`/library/jobs/${job.id}/cancel`)),
    async rescan() {
      const found = await trying.tried("scan", () => api.post("/library/scan"));
      if (!found) return;
      const what = [found.added ? `${plural(found.added, "model")} found` : null, found.missing ? `${found.missing} missing` : null, found.changed ? `${found.changed} changed` : null].filter(Boolean);
      trying.say(what.length ? `The models folder was read: ${what.join(", ")}.` : "The models folder holds what is listed here.", "ok");
    },
  };
}

/** What a person may override by name. */
const OVERRIDABLE = new Set(["app_pin", "daemon", "llama_server", "does_not_fit", "rolled_back"]);
/** @type {Record<string, string>} */
const BY = { daemon: "this Model Hub", llama_server: "llama-server", device: "this computer", catalog: "the catalog", registry: "the registry", you: "you" };
/** @type {Record<string, string>} */
const POLICIES = { allowed_publishers: PUBLISHERS_WORD, ...Object.fromEntries(POLICY_WORDS) };

/** @typedef {import("../types/daemon").HeldBack} HeldBack */

/** @param {Pick<HeldBack, "code">} why */
export function isOverridable({ code }) {
  return OVERRIDABLE.has(code);
}

/** Who or what holds an update back, and why. An application is called as it calls itself. @param {Pick<HeldBack, "code" | "by" | "detail">} why @returns {[by: string, detail: string]} */
export function heldWords({ code, by, detail }) {
  if (code === "policy") return [`the policy “${POLICIES[by] ?? by}”`, detail];
  return [code === "app_pin" ? by : (BY[by] ?? by), detail];
}

/** What is to be fetched for an update. @param {{size_bytes: number | null, total_bytes: number | null}} update */
export function fetchWords({ size_bytes: size, total_bytes: total }) {
  if (size === null) return "";
  if (size === 0) return "nothing to fetch";
  return total !== null && size < total ? `${bytes(size)} to fetch of ${bytes(total)}` : `${bytes(size)} to fetch`;
}
