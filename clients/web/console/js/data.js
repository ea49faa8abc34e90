// @ts-check
/**
 * What views need of the registry, by path. What was told stays shown until the next answer is there, and stays
 * the same value where the next one says the same.
 */

const MOST_PAGES = 100;

/**
 * @typedef {{path: string, pages?: number, all?: boolean}} Need a path; of a list so many pages, or all
 * @typedef {{value: any, error: string, status: number, text: string}} Known
 */

/** Nothing was told yet. @type {Known} */
export const UNKNOWN = { value: null, error: "", status: 0, text: "" };

/**
 * @param {{get: (path: string, signal?: AbortSignal) => Promise<any>}} api
 * @param {{get: () => any, set: (change: any) => void}} store whose `data` maps keys of needs to what is known
 */
export function createData(api, store) {
  /** @type {Map<string, AbortController>} */
  const asking = new Map();

  /** @param {Need} need @param {(signal: AbortSignal) => Promise<any>} [ask] */
  async function load(need, ask = (signal) => fetched(api, need, signal)) {
    const key = keyOf(need);
    asking.get(key)?.abort();
    const mine = new AbortController();
    asking.set(key, mine);
    try {
      const value = await ask(mine.signal);
      if (!mine.signal.aborted) put(key, { value, error: "", status: 200, text: JSON.stringify(value) });
    } catch (error) {
      if (mine.signal.aborted) return;
      const problem = /** @type {any} */ (error);
      const before = store.get().data.get(key) ?? UNKNOWN;
      const gone = problem.status === 404 || problem.status === 403;
      put(key, { value: gone ? null : before.value, error: problem.message ?? String(error), status: problem.status ?? 0, text: gone ? "" : before.text });
    } finally {
      if (asking.get(key) === mine) asking.delete(key);
    }
  }

  /** @param {string} key @param {Known} known */
  function put(key, known) {
    store.set((/** @type {any} */ state) => {
      const before = state.data.get(key);
      if (before && before.text === known.text && before.error === known.error) return state;
      return { ...state, data: new Map(state.data).set(key, known) };
    });
  }

  return {
    /** Ask for all of it, also for what is known. @param {Need[]} needs */
    refresh: (needs) => Promise.all(needs.map((need) => load(need))),
    /** Ask for a list's next page alone, and put it to those that are known; for all `pages` where an answer is still to come, which may be newer.
     * @param {string} path @param {number} pages */
    async more(path, pages) {
      if (asking.has(path)) return load({ path, pages });
      const { value } = store.get().data.get(path) ?? UNKNOWN;
      if (!value?.next) return undefined;
      return load({ path }, async (signal) => {
        const page = await api.get(following(path, value.next), signal);
        return { ...page, items: [...value.items, ...page.items] };
      });
    },
    /** Forget everything: another person may see other things. */
    forget() {
      for (const one of asking.values()) one.abort();
      asking.clear();
      store.set({ data: new Map() });
    },
  };
}

/** What is needed, as it is now. @param {{get: (path: string, signal?: AbortSignal) => Promise<any>}} api @param {Need} need @param {AbortSignal} [signal] */
export async function fetched(api, { path, pages = 1, all = false }, signal) {
  const first = await api.get(path, signal);
  let next = first.next;
  const items = first.items ? [...first.items] : null;
  for (let page = 1; items && next && page < (all ? MOST_PAGES : pages); page += 1) {
    const more = await api.get(following(path, next), signal);
    items.push(...more.items);
    next = more.next;
  }
  return items ? { ...first, items, next } : first;
}

/** @param {string} path @param {string} next */
function following(path, next) {
  return `${path}${path.includes("?") ? "&" : "?"}after=${encodeURIComponent(next)}`;
}

/** @param {Need} need */
export function keyOf(need) {
  return need.all ? `${need.path} *` : need.path;
}
