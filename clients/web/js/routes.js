// @ts-check
/** What the address shows: `#/browse?q=qwen&capability=chat&compatible=1`. Text in, values out. */

export const VIEWS = /** @type {const} */ (["browse", "installed", "downloads"]);
export const FACETS = /** @type {const} */ (["capability", "format", "license"]);
export const SORTS = /** @type {const} */ (["relevance", "name", "params", "size", "downloads", "updated"]);

/**
 * @typedef {object} Route
 * @property {string} view one of VIEWS
 * @property {string} q
 * @property {Record<string, string[]>} facets
 * @property {boolean} compatible
 * @property {string} sort
 */

/** The route of a fragment; what it does not know it leaves out. @param {string} hash @returns {Route} */
export function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const asked = new URLSearchParams(query);
  const view = VIEWS.find((name) => name === path) ?? "browse";
  const sort = SORTS.find((name) => name === asked.get("sort")) ?? "relevance";
  /** @type {Record<string, string[]>} */
  const facets = {};
  for (const facet of FACETS) facets[facet] = [...new Set(asked.getAll(facet).filter(Boolean))];
  return { view, q: asked.get("q") ?? "", facets, compatible: asked.get("compatible") === "1", sort };
}

/** The fragment of a route, as short as it can be. @param {Partial<Route> & {view: string}} route */
export function formatRoute(route) {
  const query = new URLSearchParams();
  if (route.q) query.set("q", route.q);
  for (const facet of FACETS) for (const value of route.facets?.[facet] ?? []) query.append(facet, value);
  if (route.compatible) query.set("compatible", "1");
  if (route.sort && route.sort !== "relevance") query.set("sort", route.sort);
  const text = query.toString();
  return `#/${route.view}${text ? `?${text}` : ""}`;
}

/** The catalog query of a route. @param {Route} route @param {string | null} [after] */
export function catalogQuery(route, after = null) {
  const query = new URLSearchParams({ limit: "48" });
  if (route.q.trim()) query.set("q", route.q.trim());
  for (const facet of FACETS) for (const value of route.facets[facet]) query.append(facet, value);
  if (route.compatible) query.set("compatible", "true");
  if (route.sort !== "relevance") query.set("sort", route.sort);
  if (after) query.set("after", after);
  return query.toString();
}

/** The route with one facet value switched. @param {Route} route @param {string} facet @param {string} value @returns {Route} */
export function toggled(route, facet, value) {
  const had = route.facets[facet];
  const has = had.includes(value) ? had.filter((other) => other !== value) : [...had, value];
  return { ...route, facets: { ...route.facets, [facet]: has } };
}

/** How many filters narrow a route. @param {Route} route */
export function filterCount(route) {
  return FACETS.reduce((sum, facet) => sum + route.facets[facet].length, route.compatible ? 1 : 0);
}
