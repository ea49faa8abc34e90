// @ts-check
/** On a narrow screen the tabs are a strip that is scrolled: the one that is shown is never beyond its edge. @param {Document} document */
export function showTab(document) {
  const tab = document.querySelector("nav [aria-current]");
  const strip = tab?.parentElement;
  if (!tab || !strip || strip.scrollWidth <= strip.clientWidth) return;
  const { left, width } = tab.getBoundingClientRect();
  const from = strip.getBoundingClientRect();
  strip.scrollLeft += left + width / 2 - (from.left + from.width / 2);
}
