// @ts-check
/** One value and who wants to know when it is another. Changes within a frame are told once. */

/**
 * @template T
 * @param {T} initial
 * @param {(run: () => void) => void} [later] when to tell; a browser's next frame by default
 */
export function createStore(initial, later = nextFrame) {
  let value = initial;
  let told = true;
  /** @type {Set<(value: T) => void>} */
  const readers = new Set();
  const tell = () => {
    told = true;
    for (const reader of readers) reader(value);
  };
  return {
    get: () => value,
    /** Put in the changed parts, or what a function makes of the value. @param {Partial<T> | ((value: T) => T)} change */
    set(change) {
      const next = typeof change === "function" ? change(value) : { ...value, ...change };
      if (Object.is(next, value)) return;
      value = next;
      if (!told) return;
      told = false;
      later(tell);
    },
    /** @param {(value: T) => void} reader */
    subscribe(reader) {
      readers.add(reader);
      return () => readers.delete(reader);
    },
  };
}

/** The next frame, or soon where the tab is hidden and has no frames. @param {() => void} run */
function nextFrame(run) {
  if (document.hidden) setTimeout(run, 100);
  else requestAnimationFrame(run);
}
