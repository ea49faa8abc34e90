// @ts-check
import { formatName, modelParts } from "./text.js";
import { startOf } from "./trial_words.js";

const AGAIN_MS = 2_000;
const PAIRS = 20;
export const NOTHING_TRIED = { open: null, decisions: [], evaluations: null, dialog: null };
const NO_PANE = { trial: null, error: "", pairs: null, next: null, total: 0, blind: null, blindError: "", marked: "" };

/** What the Trials tab reads, and what a person may do there.
 * @param {{api: any, store: any, trying: ReturnType<typeof import("./trying.js").createTrying>, go: (route: any, how?: any) => void}} parts */
export function createTrialing({ api, store, trying, go }) {
  store.set({ trialing: NOTHING_TRIED });
  /** @param {Record<string, any> | ((trialing: any) => any)} change */
  const put = (change) => store.set((/** @type {any} */ value) => ({ ...value, trialing: { ...value.trialing, ...(typeof change === "function" ? change(value.trialing) : change) } }));
  /** What stands open of a trial, unless another one does meanwhile. @param {string} id @param {Record<string, any>} change */
  const putOpen = (id, change) => put((trialing) => (trialing.open?.id === id ? { open: { ...trialing.open, ...change } } : {}));
  /** @param {Record<string, any>} change */
  const draft = (change) => put((trialing) => (trialing.dialog ? { dialog: { ...trialing.dialog, ...change } } : {}));
  const route = () => store.get().route;
  /** @type {any} */
  let again = null;

  /** @param {string} id */
  async function readTrial(id) {
    try {
      putOpen(id, { trial: await api.get(`/trials/${id}`), error: "" });
    } catch (error) {
      putOpen(id, { error: said(error) });
    }
  }

  /** @param {string} id @param {string | null} [after] */
  async function readPairs(id, after = null) {
    try {
      const page = await api.get(`/trials/${id}/pairs?content=true&limit=${PAIRS}${after ? `&after=${encodeURIComponent(after)}` : ""}`);
      const before = after ? (store.get().trialing.open?.pairs ?? []) : [];
      putOpen(id, { pairs: [...before, ...page.items], next: page.next, total: page.total });
    } catch (error) {
      putOpen(id, { error: said(error) });
    }
  }

  /** @param {string} id */
  const pairsOf = (id) => store.get().live.trials.get(id)?.counts?.pairs ?? 0;

  /** The next pair to mark; none left is told as the daemon tells it. @param {string} id */
  async function readBlind(id) {
    try {
      putOpen(id, { blind: await api.get(`/trials/${id}/blind`), blindError: "" });
    } catch (error) {
      putOpen(id, { blind: null, blindError: said(error), blindPairs: pairsOf(id) });
    }
  }

  /** @param {string} id @param {string | undefined} pane */
  function readPane(id, pane) {
    readTrial(id);
    if (pane === "pairs") readPairs(id);
    if (pane === "blind" && !store.get().trialing.open?.blind) readBlind(id);
  }

  async function readRest() {
    try {
      const [{ items: decisions }, { items: trials }] = await Promise.all([api.get("/trials/decisions"), api.get("/trials")]);
      put({ decisions });
      store.set((/** @type {any} */ value) => ({ ...value, live: { ...value.live, trials: new Map(trials.map((/** @type {any} */ one) => [one.id, one])) } }));
      const { items } = await api.get("/evaluations?limit=200");
      store.set((/** @type {any} */ value) => ({ ...value, live: { ...value.live, evaluations: new Map(items.map((/** @type {any} */ one) => [one.id, { ...one, progress: value.live.evaluations.get(one.id)?.progress }])) } }));
    } catch {
      // The event stream has told what stands in the list.
    }
  }

  /** Do it, and say in the dialog what is in the way. @template T @param {() => Promise<T>} work @returns {Promise<T | undefined>} */
  async function done(work) {
    draft({ faults: {} });
    trying.mark("trial", true);
    try {
      return await work();
    } catch (error) {
      draft({ faults: faultsOf(error) });
      return undefined;
    } finally {
      trying.mark("trial", false);
    }
  }

  const act = {
    /** Open a pane of a trial, or close it. @param {string | null} trial @param {string} [pane] */
    trialPane(trial, pane) {
      const { trial: _trial, pane: _pane, ...rest } = route();
      go(trial ? { ...rest, trial, pane } : rest);
    },
    morePairs: () => readPairs(store.get().trialing.open.id, store.get().trialing.open.next),
    /** @param {"first" | "second" | "tie" | "both_bad"} better */
    async markPair(better) {
      const { id, blind } = store.get().trialing.open ?? {};
      if (!blind || store.get().busy.has(`blind:${id}`)) return;
      const trial = await trying.tried(`blind:${id}`, () => api.post(`/trials/${id}/pairs/${blind.pair}/mark`, { better }));
      if (trial) putOpen(id, { marked: `Marked: ${MARKED[better]}.` });
      await readBlind(id);
      await readTrial(id);
    },
    /** @param {"pause" | "resume"} verb @param {any} trial */
    trialVerb: (verb, trial) => trying.tried(`trial:${trial.id}`, () => api.post(`/trials/${trial.id}/${verb}`)),

    openStart: () => put({ dialog: { kind: "start", faults: {}, draft: { active: "", candidate: "", sample: "100", when: "idle", keep: "0", pending: "200", pairs: "1000", checks: "" } } }),
    closeTrialDialog: () => put({ dialog: null }),
    /** @param {string} name @param {string} text */
    draftStart(name, text) {
      const { dialog } = store.get().trialing;
      const { [name === "pending" || name === "pairs" ? `max_${name}` : name]: _fault, "": _whole, ...faults } = dialog.faults;
      draft({ draft: { ...dialog.draft, [name]: text }, faults });
    },
    async startTrial() {
      const { body, faults } = startOf(store.get().trialing.dialog.draft);
      if (Object.keys(faults).length) return draft({ faults });
      const trial = await done(() => api.post("/trials", body));
      if (!trial) return;
      put({ dialog: null });
      act.trialPane(trial.id, "evidence");
    },

    /** @param {any} trial */
    async openPromote(trial) {
      const plan = await trying.tried(`trial:${trial.id}`, () => api.post(`/trials/${trial.id}/promote`, { dry_run: true }));
      if (plan) put({ dialog: { kind: "promote", trial: plan, now: false, faults: {} } });
    },
    /** @param {any} trial */
    openRemove: (trial) => put({ dialog: { kind: "remove", trial, candidateToo: false, faults: {} } }),
    /** @param {Record<string, any>} change */
    chooseTrial: (change) => draft(change),
    async promoteTrial() {
      const { trial, now } = store.get().trialing.dialog;
      if (!(await done(() => api.post(`/trials/${trial.id}/promote`, { switch: now ? "now" : "next_load" })))) return;
      put({ dialog: null });
      trying.say(`${modelParts(trial.candidate.model)[1]} version ${trial.candidate.version} is the active one. The old one is kept: Installed has “Go back”.`, "ok");
      readRest();
    },
    async removeTrial() {
      const { trial, candidateToo } = store.get().trialing.dialog;
      if (!(await done(() => api.post(`/trials/${trial.id}/remove`, { remove_candidate: candidateToo })))) return;
      put({ dialog: null });
      if (route().trial === trial.id) act.trialPane(null);
      readRest();
    },
  };

  return {
    act,
    /** @param {any} now */
    follow(now) {
      if (now.view !== "trials") return;
      const { open } = store.get().trialing;
      if (now.trial !== open?.id || now.pane !== open?.pane) {
        put({ open: now.trial ? { ...NO_PANE, id: now.trial, pane: now.pane, ...(now.trial === open?.id ? { trial: open.trial } : {}) } : null });
        if (now.trial) readPane(now.trial, now.pane);
      }
      readRest();
    },
    /** @param {any} frame */
    told(frame) {
      const { open } = store.get().trialing;
      if (frame.type !== "trial.changed" || frame.data.id !== open?.id || again !== null) return;
      again = setTimeout(() => {
        again = null;
        const { id, pane, blind } = store.get().trialing.open ?? {};
        if (!id || route().view !== "trials") return;
        readTrial(id);
        if (pane === "blind" && !blind && pairsOf(id) > (store.get().trialing.open.blindPairs ?? -1)) readBlind(id);
        if (pane === "pairs" && !(store.get().trialing.open.pairs?.length > PAIRS)) readPairs(id);
      }, AGAIN_MS);
    },
  };
}

const MARKED = { first: "the first is better", second: "the second is better", tie: "they are equally good", both_bad: "both are bad" };

/** Installed artifacts that a trial may be about, as choices. @param {Iterable<any>} artifacts @param {ReadonlyMap<string, string>} names @returns {[string, string][]} */
export function contenders(artifacts, names) {
  return [...artifacts]
    .filter((artifact) => artifact.state === "ok" && artifact.format === "gguf")
    .sort((a, b) => (a.model === b.model ? b.version - a.version : a.model < b.model ? -1 : 1))
    .map((artifact) => [artifact.id, `${names.get(artifact.model) ?? modelParts(artifact.model)[1]}, version ${artifact.version}, ${artifact.quantization ?? formatName(artifact.format)}${artifact.active ? " (active)" : ""}`]);
}

/** What is in the way, by field; "" is about the whole. @param {any} error @returns {Record<string, string>} */
export function faultsOf(error) {
  /** @type {Record<string, string>} */
  const faults = {};
  for (const { pointer, detail } of error?.errors ?? []) faults[pointer.split("/")[1] ?? ""] = detail;
  return Object.keys(faults).length ? faults : { "": said(error) };
}

/** @param {any} error */
const said = (error) => (error instanceof Error ? error.message : String(error));
