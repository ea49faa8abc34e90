// @ts-check
/** What this browser keeps; where it keeps nothing for us (a frame, a private window), this tab remembers.
 * @param {{localStorage: Storage}} view @returns {Storage} */
export function storageOf(view) {
  try {
    view.localStorage.getItem("");
    return view.localStorage;
  } catch {
    /** @type {Map<string, string>} */
    const kept = new Map();
    return /** @type {Storage} */ ({
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    });
  }
}
