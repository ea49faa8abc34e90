// @ts-check
/** The outline of the Browse tab that the document carries, so that something stands there before any script has run. */

/**
 * The outline goes. What somebody did to it meanwhile: whether they are typing there, and the route that they chose, null
 * where they chose nothing. Null where there is no outline any more.
 * @param {Document} document
 * @param {import("./routes.js").Route} route the page's
 */
export function clearOutline(document, route) {
  const outline = document.querySelector(".outline");
  if (!outline) return null;
  const [search, sort, compatible] = ["#search", ".sort select", ".switch"].map((which) => /** @type {any} */ (outline.querySelector(which)));
  const typing = search === document.activeElement;
  const chosen = search.value || compatible.checked || sort.selectedIndex > 0;
  const now = { ...route, q: search.value || route.q, compatible: compatible.checked || route.compatible, sort: sort.selectedIndex > 0 ? sort.value : route.sort };
  outline.replaceChildren();
  outline.classList.remove("outline");
  return { typing, route: chosen && route.view === "browse" ? now : null };
}
