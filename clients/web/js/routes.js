// @ts-check
/** What the address shows: `#/browse?q=qwen&capability=chat&compatible=1`. Text in, values out. */

export const VIEWS = /** @type {const} */ (["browse", "installed", "updates", "downloads", "servers", "activity", "trials", "settings"]);
export const FACETS = /** @type {const} */ (["capability", "format", "license", "publisher"]);
/** What stands open above or inside a view: a model's details, the form to load an artifact, a server's pane. */
export const OPENED = /** @type {const} */ (["model", "load", "server", "pane", "add", "period", "by", "of", "app", "node", "outcome", "record", "trial"]);
export const SORTS = /** @type {const} */ (["relevance", "name", "params", "size", "downloads", "updated"]);

/**
 * @typedef {object} Route
 * @property {string} view one of VIEWS
 * @property {string} q
 * @property {Record<string, string[]>} facets
 * @property {boolean} compatible
 * @property {string} sort
 * @property {string} [state] of what is installed
 * @property {string} [model] whose details are open
 * @property {string} [load] library id of what is about to be loaded
 * @property {string} [server] whose pane is open
 * @property {string} [pane] `try` or `log`
 * @property {string} [period] of time, as the other words here one of the Activity tab's
 * @property {string} [by]
 * @property {string} [of] a model
 * @property {string} [app]
 * @property {string} [node]
 * @property {string} [outcome]
 * @property {string} [record] whose details are open
 * @property {string} [trial] whose pane is open
 * @property {string} [add] whether the dialog for models from elsewhere is open
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
  /** @type {Route} */
  const route = { view, q: asked.get("q") ?? "", facets, compatible: asked.get("compatible") === "1", sort };
  if (asked.get("state")) route.state = asked.get("state") ?? "";
  for (const name of OPENED) {
    const value = asked.get(name);
    if (value) route[name] = value;
  }
  return route;
}

/** The fragment of a route, as short as it can be. @param {Partial<Route> & {view: string}} route */
export function formatRoute(route) {
  const query = new URLSearchParams();
  if (route.q) query.set("q", route.q);
  for (const facet of FACETS) for (const value of route.facets?.[facet] ?? []) query.append(facet, value);
  if (route.compatible) query.set("compatible", "1");
  if (route.sort && route.sort !== "relevance") query.set("sort", route.sort);
  if (route.state) query.set("state", route.state);
  for (const name of OPENED) {
    const value = route[name];
    if (value) query.set(name, value);
  }
  const text = query.toString().replaceAll("%2F", "/").replaceAll("%3A", ":");
  return `#/${route.view}${text ? `?${text}` : ""}`;
}

/** The catalog query of a route. @param {Route} route @param {string | null} [after] */
export function catalogQuery(route, after = null) {
  const query = new URLSearchParams({ limit: "48" });
  if (route.q.trim()) query.set("q", route.q.trim());
  for (const facet of FACETS) for (const value of route.facets[facet] ?? []) query.append(facet, value);
  if (route.compatible) query.set("compatible", "true");
  if (route.sort !== "relevance") query.set("sort", route.sort);
  if (after) query.set("after", after);
  return query.toString();
}

/** The route with one facet value switched. @param {Route} route @param {string} facet @param {string} value @returns {Route} */
export function toggled(route, facet, value) {
  const had = route.facets[facet] ?? [];
  const has = had.includes(value) ? had.filter((other) => other !== value) : [...had, value];
  return { ...route, facets: { ...route.facets, [facet]: has } };
}

/** The route with nothing open above it. @param {Route} route @returns {Route} */
export function closed(route) {
  const { model: _model, load: _load, add: _add, ...rest } = route;
  return rest;
}

/** How many filters narrow a route. @param {Route} route */
export function filterCount(route) {
  return FACETS.reduce((sum, facet) => sum + (route.facets[facet]?.length ?? 0), route.compatible ? 1 : 0);
}
