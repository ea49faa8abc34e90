// @ts-check
/**
 * Runs before anything is painted, see `page_files.py`: sets the theme and says what the document's outline is to show. Once that is
 * painted it asks the catalog and starts the page's script. `search.js` takes the answer over if the page then asks the same, and asks itself if this came to nothing.
 */
import { createApi } from "./api.js";
import { catalogQuery, parseRoute } from "./routes.js";
import { codeIn, createSession } from "./session.js";
import { storageOf } from "./storage.js";
import { createTheme } from "./theme.js";

const UNSEEN_MS = 100;

/** @typedef {{query: string, answer: Promise<any>}} Early */

/** When the outline is painted: a request that is begun before takes 20 ms of it. A tab that nobody sees paints nothing. */
const painted = () =>
  new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, UNSEEN_MS);
  });

/** The page's own script, which the document names. Asked for before, it takes 30 ms of what is painted meanwhile. */
function begin() {
  const script = document.createElement("script");
  script.type = "module";
  script.src = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=main-script]")).href;
  document.head.append(script);
}

/** The question that an address leads to, if somebody is signed in. @param {string} hash @param {string | null} token @param {(path: string) => Promise<any>} get @returns {Early | null} */
export function askEarly(hash, token, get) {
  const route = parseRoute(hash);
  if (outlineOf(hash, token) !== "browse") return null;
  const query = catalogQuery(route);
  const answer = get(`/catalog/models?${query}`);
  answer.catch(() => {});
  return { query, answer };
}

/** The view whose outline is shown until the page is made. @param {string} hash @param {string | null} token */
export function outlineOf(hash, token) {
  return token && !codeIn(hash) ? parseRoute(hash).view : "sign-in";
}

export const storage = storageOf(window);
export const theme = createTheme(window, storage);
const session = createSession(storage, () => Promise.reject());
document.documentElement.dataset.outline = outlineOf(location.hash, session.token());
const api = createApi(session.token, () => {});
export const early = askEarly(location.hash, session.token(), (path) => painted().then(() => api.get(path)));
painted().then(begin);
