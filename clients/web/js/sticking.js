// @ts-check
const NEAR_PX = 24;

/** Elements marked `data-stick` whose end is in sight keep it in sight, whatever is added. Returns what to call once it
 * is. @param {Document} document */
export function keepEnds(document) {
  const stuck = new Set([...document.querySelectorAll("[data-stick]")].filter((el) => el.scrollHeight - el.scrollTop - el.clientHeight < NEAR_PX));
  const known = new Set(document.querySelectorAll("[data-stick]"));
  return () => {
    for (const el of document.querySelectorAll("[data-stick]")) if (stuck.has(el) || !known.has(el)) el.scrollTop = el.scrollHeight;
  };
}
