// @ts-check
/**
 * Asks the catalog before anything else of the page is set up. `search.js` takes the answer over if the page then asks the
 * same, and asks itself if this came to nothing.
 */
import { createApi } from "./api.js";
import { catalogQuery, parseRoute } from "./routes.js";
import { codeIn, createSession } from "./session.js";
import { storageOf } from "./storage.js";

/** @typedef {{query: string, answer: Promise<any>}} Early */

/** The question that an address leads to, if somebody is signed in. @param {string} hash @param {string | null} token @param {(path: string) => Promise<any>} get @returns {Early | null} */
export function askEarly(hash, token, get) {
  const route = parseRoute(hash);
  if (!token || route.view !== "browse" || codeIn(hash)) return null;
  const query = catalogQuery(route);
  const answer = get(`/catalog/models?${query}`);
  answer.catch(() => {});
  return { query, answer };
}

const session = createSession(storageOf(window), () => Promise.reject());
export const early = askEarly(location.hash, session.token(), createApi(session.token, () => {}).get);
