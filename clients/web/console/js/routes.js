// @ts-check
/** What the address shows: `#/models/acme/tiny?q=…`. Text in, values out. */

export const VIEWS = /** @type {const} */ (["reviews", "models", "templates", "publishers", "tokens", "audit", "publish"]);

/**
 * @typedef {object} Route
 * @property {string} view one of VIEWS, or "" for the first that a token may see
 * @property {string[]} parts what follows it, such as publisher and name
 * @property {Record<string, string>} query
 */

/** The route of a fragment; what it does not know it leaves out. @param {string} hash @returns {Route} */
export function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [first = "", ...rest] = path.split("/").filter(Boolean).map(decoded);
  const view = VIEWS.find((name) => name === first) ?? "";
  return { view, parts: view ? rest : [], query: Object.fromEntries([...new URLSearchParams(query)].filter(([, value]) => value)) };
}

/** The fragment of a route. @param {string} view @param {string[]} [parts] @param {Record<string, string | undefined>} [query] */
export function address(view, parts = [], query = {}) {
  const asked = queryOf(query);
  return `#/${[view, ...parts].map(encodeURIComponent).join("/")}${asked ? `?${asked}` : ""}`;
}

/** The address of a model. @param {string} id `publisher/name` */
export function modelAddress(id) {
  return address("models", id.split("/"));
}

/** The address of a review. @param {string} id @param {number} version */
export function reviewAddress(id, version) {
  return address("reviews", [...id.split("/"), String(version)]);
}

/** A query without what is empty. @param {Record<string, string | number | undefined | null>} values */
export function queryOf(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  return query.toString();
}

/** A path of the API, its parts escaped. @param {...(string | number)} parts */
export function path(...parts) {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join("");
}

/** The path of a model. @param {string} id */
export function modelPath(id) {
  return path("models", ...id.split("/"));
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
