// @ts-check
/** On a narrow screen the tabs are a strip that is scrolled: the one that is shown is never beyond its edge. */
const NEAR_PX = 2;

/** @param {Document} document */
function shownTab(document) {
  const tab = document.querySelector("nav [aria-current]");
  const strip = tab?.parentElement;
  if (!tab || !strip || strip.scrollWidth <= strip.clientWidth) return null;
  const [at, edge] = [tab.getBoundingClientRect(), strip.getBoundingClientRect()];
  return { strip, off: at.left + at.width / 2 - (edge.left + edge.width / 2), inSight: at.left > edge.left - NEAR_PX && at.right < edge.right + NEAR_PX };
}

/** Bring it into the middle, as far as the strip goes. @param {Document} document */
export function showTab(document) {
  const found = shownTab(document);
  if (found) found.strip.scrollLeft += found.off;
}

/** In sight it stays there, whatever a count before it pushes. Returns what to call once that is done. @param {Document} document */
export function keepTab(document) {
  const before = shownTab(document)?.inSight ?? true;
  return () => {
    const now = shownTab(document);
    if (before && now && !now.inSight) showTab(document);
  };
}
