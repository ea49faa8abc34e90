// @ts-check
import { catalogQuery } from "./routes.js";

/** Before the first answer. */
export const NO_RESULTS = { items: [], total: /** @type {number | null} */ (null), facets: null, next: /** @type {string | null} */ (null), loading: false, stale: false, error: "" };

const MOST = 200;
/** So many fill any screen; the others follow once these are painted. */
const FIRST = 12;
const DRAWN_MS = 100;

/**
 * Search as the route says. The last question wins; what was shown stays until its answer is there.
 * @param {{get: (path: string, signal?: AbortSignal) => Promise<any>}} api
 * @param {{get: () => any, set: (change: any) => void}} store
 * @param {import("./early.js").Early | null} [early] what was asked already
 * @param {() => Promise<void>} [painted] resolves once what was put is on the screen
 */
export function createSearch(api, store, early = null, painted = afterPaint) {
  let asked = "";
  /** @type {AbortController | null} */
  let asking = null;

  /** @param {string} query @param {(answer: any, results: any) => any} put */
  async function ask(query, put) {
    asking?.abort();
    const mine = (asking = new AbortController());
    store.set((/** @type {any} */ value) => ({ ...value, results: { ...value.results, loading: true } }));
    try {
      const held = taken(query);
      const answer = (held && (await held)) ?? (await api.get(`/catalog/models?${query}`, mine.signal));
      if (asking !== mine) return;
      const show = (/** @type {any} */ results) => store.set((/** @type {any} */ value) => ({ ...learnt(value, answer.items), results: { ...results, loading: false, stale: false, error: "" } }));
      const before = store.get().results;
      const whole = put(answer, before);
      if (before.items.length === 0 && whole.items.length > FIRST) {
        show({ ...whole, items: whole.items.slice(0, FIRST), next: null });
        await painted();
        if (asking !== mine) return;
      }
      show(whole);
    } catch (error) {
      if (asking !== mine || mine.signal.aborted) return;
      const detail = error instanceof Error ? error.message : String(error);
      store.set((/** @type {any} */ value) => ({ ...value, results: { ...value.results, loading: false, stale: true, error: value.results.items.length ? "" : detail } }));
    }
  }

  /** The answer to what was asked early, once; null where that was another question or came to nothing. @param {string} query */
  function taken(query) {
    const held = early?.query === query ? early.answer.catch(() => null) : null;
    early = null;
    return held;
  }

  return {
    /** Ask if the route asks something else than before. @param {any} route */
    follow(route) {
      const query = catalogQuery(route);
      if (query === asked) return Promise.resolve();
      asked = query;
      return ask(query, (answer) => answer);
    },
    /** Ask the same again: the catalog or this computer is another. @param {any} route */
    again(route) {
      asked = catalogQuery(route);
      const shown = Math.min(MOST, store.get().results.items.length);
      const query = new URLSearchParams(asked);
      if (shown > Number(query.get("limit"))) query.set("limit", String(shown));
      return ask(query.toString(), (answer) => answer);
    },
    /** The daemon answers again: ask what it did not answer. @param {any} route */
    back(route) {
      return store.get().results.stale ? this.again(route) : Promise.resolve();
    },
    /** The next page. @param {any} route */
    more(route) {
      const next = store.get().results.next;
      if (!next) return Promise.resolve();
      return ask(catalogQuery(route, next), (answer, before) => ({ ...answer, items: joined(before.items, answer.items) }));
    },
  };
}

/** @param {any[]} before @param {any[]} after */
function joined(before, after) {
  const known = new Set(before.map((item) => item.id));
  return [...before, ...after.filter((item) => !known.has(item.id))];
}

/** The page's value with the names and capabilities of these models. @template {{names: ReadonlyMap<string, string>, skills: ReadonlyMap<string, string[]>}} T @param {T} value @param {any[]} items @returns {T} */
export function learnt(value, items) {
  const names = new Map(value.names);
  const skills = new Map(value.skills);
  for (const item of items) {
    names.set(item.id, item.display_name);
    skills.set(item.id, item.capabilities);
  }
  return { ...value, names, skills };
}

/** After the frame that comes next was made, what draws it has a moment to itself. A hidden tab has no frames. @returns {Promise<void>} */
function afterPaint() {
  return new Promise((resolve) => (document.hidden ? resolve() : requestAnimationFrame(() => setTimeout(resolve, DRAWN_MS))));
}
