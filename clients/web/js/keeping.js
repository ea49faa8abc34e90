// @ts-check
/**
 * What a person may do with what is kept: whose content, deleting, exporting. Each dialog is a draft in
 * `activity.dialog`, and nothing is done before what it would do was shown.
 */

/**
 * @param {{api: any, trying: ReturnType<typeof import("./trying.js").createTrying>, put: (change: any) => void, get: () => any, route: () => any, ask: typeof import("./dialog.js").confirmed, readAll: () => void}} parts
 */
export function createKeeping({ api, trying, put, get, route, ask, readAll }) {
  /** @param {Record<string, any>} change */
  const draft = (change) => put((/** @type {any} */ activity) => (activity.dialog ? { dialog: { ...activity.dialog, ...change } } : {}));
  const open = (/** @type {Record<string, any>} */ dialog) => put({ dialog: { fault: "", ...dialog } });

  /** Do it, and say in the dialog what is in the way. @template T @param {string} key @param {() => Promise<T>} work @returns {Promise<T | undefined>} */
  async function done(key, work) {
    draft({ fault: "" });
    trying.mark(key, true);
    try {
      return await work();
    } catch (error) {
      draft({ fault: faultOf(error) });
      return undefined;
    } finally {
      trying.mark(key, false);
    }
  }

  /** How much a purge would delete, as it is drafted. */
  async function count() {
    const { model, app, node, before, asking } = get().dialog;
    const mine = asking + 1;
    draft({ asking: mine, found: null });
    const wanted = new URLSearchParams(Object.entries({ model, app, node, until: endOf(before) ?? "", limit: "1" }).filter(([, value]) => value !== ""));
    const page = await done("purge", () => api.get(`/records?${wanted}`));
    if (page && get().dialog?.asking === mine) draft({ found: page.total });
  }

  return {
    closeKeeping: () => put({ dialog: null }),

    async openAudit() {
      open({ kind: "audit", rules: null, allowed: true, contents: 0, forget: true });
      const audit = await done("audit", () => api.get("/records/audit"));
      if (audit) draft({ ...audit, rules: audit.rules.map(drafted) });
    },
    addRule: () => draft({ rules: [...get().dialog.rules, { kind: "app", name: "", keep: "preview", days: "7" }] }),
    /** @param {number} at */
    dropRule: (at) => draft({ rules: get().dialog.rules.filter((/** @type {any} */ _rule, /** @type {number} */ place) => place !== at) }),
    /** @param {number} at @param {Record<string, string>} change */
    changeRule: (at, change) => draft({ rules: get().dialog.rules.map((/** @type {any} */ rule, /** @type {number} */ place) => (place === at ? { ...rule, ...change } : rule)) }),
    async saveAudit() {
      const { rules, forget } = get().dialog;
      const body = { forget, rules: rules.map(ruleOf) };
      const wide = rules.filter((/** @type {any} */ rule) => rule.keep === "whole").length;
      if (wide && !(await ask({ title: "Keep whole questions and answers?", text: `What people ask and what they are answered is then readable on this computer, by ${wide === 1 ? "one rule" : `${wide} rules`}. It is shown wherever these records are.`, confirm: "Keep them" }))) return;
      const audit = await done("audit", () => api.put("/records/audit", body));
      if (!audit) return;
      put({ dialog: null });
      trying.say(audit.rules.length ? "Content is kept by these rules from now on." : "No content is kept any more.", "ok");
    },

    async openPurge() {
      const { of = "", app = "", node = "" } = route();
      open({ kind: "purge", model: of, app, node, before: "", contentOnly: false, setAside: false, found: null, asking: 0 });
      await count();
    },
    /** @param {Record<string, any>} change */
    async changePurge(change) {
      draft(change);
      if (!("contentOnly" in change) && !("setAside" in change)) await count();
    },
    async purge() {
      const { model, app, node, before, contentOnly, setAside } = get().dialog;
      const named = { model: model || null, app: app || null, node: node || null, before: endOf(before) };
      const all = Object.values(named).every((value) => value === null);
      const gone = await done("purge", () => api.post("/records/purge", { ...named, all, content_only: contentOnly, set_aside: setAside }));
      if (!gone) return;
      put({ dialog: null });
      trying.say(contentOnly ? `The content of ${gone.contents.toLocaleString("en")} records is deleted.` : `${gone.records.toLocaleString("en")} records are deleted.`, "ok");
      readAll();
    },

    openExport: () => open({ kind: "export", days: "30", k: "10", rows: true, nameModels: false, preview: null, written: null }),
    /** What was shown is not what would be written any more. @param {Record<string, any>} change */
    changeExport: (change) => draft({ ...change, preview: null, written: null }),
    async previewExport() {
      const { days, k, rows, nameModels } = get().dialog;
      const since = days ? new Date(Date.now() - Number(days) * 86_400_000).toISOString() : null;
      const preview = await done("export", () => api.post("/records/export/preview", { since, k: Number(k), rows, name_models: nameModels }));
      if (preview) draft({ preview });
    },
    /** The next part of what would be written. */
    async moreOfExport() {
      const { preview } = get().dialog;
      const offset = new TextEncoder().encode(preview.text).length;
      const part = await done("export", () => api.get(`/records/export/preview/${preview.id}?offset=${offset}`));
      if (part && get().dialog?.preview === preview) draft({ preview: { ...preview, text: preview.text + part.text, whole: part.next === null } });
    },
    async writeExport() {
      const written = await done("export", () => api.post("/records/export", { preview: get().dialog.preview.id }));
      if (written) draft({ written, preview: null });
    },
  };
}

/** A rule as it is edited. @param {any} rule */
export function drafted(rule) {
  const kind = ["node", "app", "model"].find((one) => rule[one] !== null && rule[one] !== undefined) ?? "app";
  return { kind, name: rule[kind] ?? "", keep: rule.keep, days: String(rule.max_age_days ?? 7) };
}

/** The rule that a draft says. @param {{kind: string, name: string, keep: string, days: string}} draft */
export function ruleOf({ kind, name, keep, days }) {
  return { [kind]: name.trim(), keep, max_age_days: Number(days) };
}

/** The first moment that a purge "before this day" keeps: the day's beginning here. @param {string} day `2026-12-03`, or nothing */
export function endOf(day) {
  if (!day) return null;
  const time = new Date(`${day}T00:00:00`);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** @param {any} error */
function faultOf(error) {
  const first = error?.errors?.[0];
  return first ? `${first.pointer ? `${first.pointer}: ` : ""}${first.detail}` : error instanceof Error ? error.message : String(error);
}
