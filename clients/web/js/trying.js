// @ts-check
/** Doing what may be refused: marked as busy meanwhile, said when it is. */

const NOTICE_MS = 6_000;

/** @param {{get: () => any, set: (change: any) => void}} store */
export function createTrying(store) {
  let count = 0;

  /** @param {number} id */
  const dismiss = (id) => store.set((/** @type {any} */ value) => ({ ...value, notices: value.notices.filter((/** @type {any} */ notice) => notice.id !== id) }));

  /** @param {string} text @param {"ok" | "bad"} tone */
  function say(text, tone) {
    const id = (count += 1);
    store.set((/** @type {any} */ value) => ({ ...value, notices: [...value.notices.filter((/** @type {any} */ old) => old.text !== text).slice(-3), { id, tone, text }] }));
    if (tone === "ok") setTimeout(() => dismiss(id), NOTICE_MS);
  }

  /** @param {string} key @param {boolean} on */
  function mark(key, on) {
    store.set((/** @type {any} */ value) => {
      const busy = new Set(value.busy);
      if (on) busy.add(key);
      else busy.delete(key);
      return { ...value, busy };
    });
  }

  return {
    dismiss,
    say,
    mark,
    /** Do it with `key` marked as busy; a refusal is said and gives undefined. @template T @param {string} key @param {() => Promise<T>} work @returns {Promise<T | undefined>} */
    async tried(key, work) {
      mark(key, true);
      try {
        return await work();
      } catch (error) {
        say(error instanceof Error ? error.message : String(error), "bad");
        return undefined;
      } finally {
        mark(key, false);
      }
    },
  };
}
