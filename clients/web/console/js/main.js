// @ts-check
/** Puts the console's parts together. */
import { mount } from "../../js/dom.js";
import { createStore } from "../../js/store.js";
import { keepTab, showTab } from "../../js/tab_in_view.js";
import { createActions } from "./actions.js";
import { createRegistry } from "./api.js";
import { createData, keyOf } from "./data.js";
import { createEntry } from "./entering.js";
import { createLive } from "./live.js";
import { EVERY_TEMPLATE } from "./model.js";
import { can } from "./rights.js";
import { parseRoute } from "./routes.js";
import { createSession, faultInToken } from "./session.js";
import { WAITING, firstView, page, viewOf } from "./shell.js";
import { movedBadges } from "./verification.js";

const HIDDEN_MS = 60_000;

const session = createSession(sessionStorage);
const store = createStore({
  route: parseRoute(location.hash),
  me: /** @type {import("./rights.js").Me | null} */ (null),
  signIn: { busy: session.token() !== null, detail: "" },
  connection: "connecting",
  data: new Map(),
  pages: new Map(),
  drafts: /** @type {Record<string, any>} */ ({}),
  busy: new Set(),
  notices: [],
  made: null,
  proof: null,
});
const api = createRegistry(session.token, () => {
  if (store.get().me) signOut("The registry does not take this token any more: it was revoked or is over.");
});
const data = createData(api, store);
const live = createLive({ open: (path, rest) => api.open("GET", path, rest), onChange: refresh, onState: (connection) => store.set({ connection }) });
const act = createActions({ api, store, refresh, more: data.more, signIn, signOut, enter: () => entry.begin() });

/** What the view needs now, with as many pages as were asked for. @returns {import("./data.js").Need[]} */
function needs() {
  const { me, route, pages } = store.get();
  if (!me) return [];
  const wanted = viewOf(route, me).needs(route, me).map((need) => ({ ...need, pages: pages.get(keyOf(need)) ?? 1 }));
  return can(me, "review") ? [...wanted, WAITING] : wanted;
}

async function refresh() {
  const before = badges();
  await data.refresh(needs());
  const moved = movedBadges(before, badges());
  if (moved.length) announcer.textContent = moved.join(" ");
}

/** @returns {any[]} */
function badges() {
  return store.get().data.get(keyOf(EVERY_TEMPLATE))?.value?.items ?? [];
}

/** @param {string} token */
async function signIn(token) {
  const fault = faultInToken(token);
  if (fault) {
    store.set({ signIn: { busy: false, detail: fault } });
    atToken();
    return;
  }
  session.keep(token);
  store.set({ signIn: { busy: true, detail: "" } });
  await entry.begin();
}

const entry = createEntry({
  whoAmI: () => api.get("/me"),
  onMe(me) {
    store.set((value) => ({ ...value, me, drafts: {}, signIn: { busy: false, detail: "" } }));
    arrive();
    live.start();
  },
  onAway: (detail) => store.set({ signIn: { busy: true, detail } }),
  onRefused(problem) {
    session.forget();
    store.set({ signIn: { busy: false, detail: problem.status === 401 ? problem.message : `You are not signed in: ${problem.message}` } });
    atToken();
  },
});

/** The keyboard goes where a token is pasted; why it has to be is read out there. */
function atToken() {
  requestAnimationFrame(() => document.getElementById("field-token")?.focus());
}

/** @param {string} [why] */
function signOut(why = "") {
  session.forget();
  entry.stop();
  live.stop();
  live.forget();
  data.forget();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  store.set((value) => ({ ...value, me: null, drafts: {}, pages: new Map(), notices: [], made: null, proof: null, signIn: { busy: false, detail: why } }));
  atToken();
}

/** The address is another. */
function arrive() {
  let route = parseRoute(location.hash);
  const { me, route: before } = store.get();
  if (me && !route.view) {
    history.replaceState(null, "", `#/${firstView(me)}`);
    route = parseRoute(location.hash);
  }
  const elsewhere = route.view !== before.view || route.parts.join("/") !== before.parts.join("/");
  store.set({ route, ...(elsewhere ? { proof: null, made: null } : {}) });
  refresh();
  if (elsewhere) scrollTo(0, 0);
  requestAnimationFrame(() => showTab(document));
}

/** Where the keyboard was stays the place where it is, also when its button is gone. */
function show(/** @type {any} */ value) {
  const focused = document.activeElement;
  const kept = keepTab(document);
  render(page(act, value));
  kept();
  if (focused && focused !== document.body && !focused.isConnected) document.getElementById("main")?.focus({ preventScroll: true });
  const title = value.me ? viewOf(value.route, value.me).title : "Sign in";
  document.title = `${title} – Model Registry`;
}
const render = mount(document.getElementById("app"));

/** Says what moved to those who do not see it move. */
const announcer = document.createElement("p");
announcer.className = "unseen";
announcer.setAttribute("role", "status");
document.body.append(announcer);

addEventListener("hashchange", arrive);
addEventListener("online", () => {
  if (!store.get().me) return;
  live.stop();
  live.start();
});
addEventListener("keydown", (event) => {
  const typing = /** @type {any} */ (event.target).closest?.("input, select, textarea, dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  /** @type {HTMLElement | null} */ (document.querySelector("input[type=search]"))?.focus();
});

/** A window that nobody sees gives its connection back. */
let resting = /** @type {any} */ (null);
document.addEventListener("visibilitychange", () => {
  clearTimeout(resting);
  if (document.hidden) resting = setTimeout(live.stop, HIDDEN_MS);
  else if (store.get().me) live.start();
});

store.subscribe(show);
show(store.get());
if (session.token()) entry.begin();
else atToken();
