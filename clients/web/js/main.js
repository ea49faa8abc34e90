// @ts-check
/**
 * Puts together what the first sight needs: the catalog, and the frame around it. Everything else comes with `views.js`,
 * which is fetched once that is painted, or at once where the address asks for it, and adds itself by `extend`.
 */
import { early, storage, theme } from "./early.js";
import { browse } from "./browse.js";
import { createActions } from "./actions.js";
import { createApi } from "./api.js";
import { mount } from "./dom.js";
import { createModals } from "./modal.js";
import { clearOutline } from "./outline.js";
import { OPENED, parseRoute } from "./routes.js";
import { NO_RESULTS, createSearch, learnt } from "./search.js";
import { codeIn, createSession, wayAfterCode } from "./session.js";
import { createSharedStream } from "./shared.js";
import { page, tabOf } from "./shell.js";
import { NOTHING, installedOptions, isEnded, reduce, shownDownloads } from "./state.js";
import { keepEnds } from "./sticking.js";
import { createStore } from "./store.js";
import { createStream } from "./stream.js";
import { createTrying } from "./trying.js";

const HIDDEN_MS = 60_000;
const JUDGE_AGAIN_MS = 15_000;
const NAMES_ONE_BY_ONE = 40;
const FIRST_SIGHT_MS = 1_500;
const FIRST_FRAME_MS = 150;
/** After these an option may fit, or be allowed, that was not. */
const JUDGED_BY = new Set(["catalog.synced", "device.changed", "policy.changed"]);

const anonymous = createApi(() => null, () => {});
const session = createSession(storage, (code) => anonymous.post("/session", { code }));
const store = createStore({
  route: parseRoute(location.hash),
  signedIn: session.token() !== null,
  signIn: { state: "none", detail: "" },
  connection: "connecting",
  live: NOTHING,
  updatesFor: /** @type {ReadonlyMap<string, any> | null} */ (null),
  results: NO_RESULTS,
  details: new Map(),
  absent: /** @type {ReadonlyMap<string, {why: string, again: boolean}>} */ (new Map()),
  chosen: new Map(),
  starred: new Set(),
  names: new Map(),
  skills: new Map(),
  busy: new Set(),
  notices: [],
  filtersOpen: false,
  form: null,
  adding: null,
  queue: { limits: null, leftovers: null, faults: {}, dragged: null, over: null, said: "" },
  about: { status: null, config: null, firstRun: null, sources: null },
  space: null,
  chats: new Map(),
  log: { id: null, lines: [], open: false },
  theme: theme.get(),
  themeHosted: theme.hosted(),
  views: /** @type {Record<string, View>} */ ({ browse }),
  overlays: /** @type {View[]} */ ([]),
});
const api = createApi(session.token, signedOut);
const search = createSearch(api, store, early);
const trying = createTrying(store);
/** @type {any} */
const act = createActions({ api, store, trying, search, onRoute: follow });
/** @type {Extension[]} */
const extensions = [];
const stream = createLateStream();

/** What extensions are made of. */
export const parts = { api, store, trying, theme, go: act.go, signOut: signedOut };

/** @typedef {(act: any, value: any, derived: any) => any} View */
/**
 * @typedef {object} Extension
 * @property {Record<string, View>} views by the tab's name
 * @property {View[]} overlays what may stand above any of them; null where it does not
 * @property {Record<string, any>} acts
 * @property {(route: any) => void} follow reads what a route needs beyond what the stream tells
 * @property {(frame: any) => void} hear a frame of the event stream
 */

/** Add views, and what they do. @param {Extension} extension */
export function extend(extension) {
  extensions.push(extension);
  Object.assign(act, extension.acts);
  store.set((value) => ({ ...value, views: { ...value.views, ...extension.views }, overlays: [...value.overlays, ...extension.overlays] }));
  if (store.get().signedIn) extension.follow(store.get().route);
}

/** @param {any} route */
function follow(route) {
  if (route.view && route.view !== "browse") fetchViews();
  for (const extension of extensions) extension.follow(route);
}

let fetched = false;
function fetchViews() {
  if (fetched) return;
  fetched = true;
  const script = document.createElement("script");
  script.type = "module";
  script.src = new URL("./views.js", import.meta.url).href;
  script.onerror = () => trying.say("A part of this page could not be fetched. Load it again.", "bad");
  document.head.append(script);
}

/** The stream, opened when it is first wanted: a worker of one's own takes from the first sight. */
function createLateStream() {
  /** @type {ReturnType<typeof openStream> | null} */
  let opened = null;
  return {
    start: () => (opened ??= openStream()).start(),
    stop: () => opened?.stop(),
    forget: () => opened?.forget(),
  };
}

/** The stream that this browser's tabs share, or one of this tab's own. */
function openStream() {
  const onState = (/** @type {any} */ connection) => {
    store.set({ connection });
    if (connection === "connected") back();
  };
  if (!("SharedWorker" in window)) return createStream({ open: (path, rest) => api.open("GET", path, rest), onFrame: told, onState });
  const { port } = new SharedWorker(new URL("./worker.js", import.meta.url), { type: "module", name: "modelhub" });
  return createSharedStream(port, { token: session.token, onFrame: told, onState, onRefused: signedOut });
}

/** What was asked in vain is asked again. */
function back() {
  const { route } = store.get();
  if (route.view === "browse") search.back(route);
}

/** What views need and the state does not say outright, worked out again only when its source is another. */
const derived = (() => {
  const shown = remembered(shownDownloads);
  const under = remembered((/** @type {ReadonlyMap<string, any>} */ map) => [...map.values()].filter((one) => !isEnded(one)).length);
  const running = remembered((/** @type {ReadonlyMap<string, any>} */ map) => [...map.values()].filter((one) => !isEnded(one)).length);
  const updates = remembered((/** @type {ReadonlyMap<string, any>} */ map) => [...map.values()].filter((one) => one.state === "available").length);
  const trials = remembered((/** @type {ReadonlyMap<string, any>} */ map) => [...map.values()].filter((one) => one.state !== "promoted").length);
  const versions = remembered((/** @type {ReadonlyMap<string, any>} */ library) => {
    const found = new Map();
    for (const { model } of library.values()) found.set(model, (found.get(model) ?? 0) + 1);
    return found;
  });
  const installed = remembered((/** @type {ReadonlyMap<string, any>} */ library) => {
    const byModel = new Map();
    for (const artifact of installedOptions(library).values()) {
      if (artifact.state !== "ok") continue;
      if (!byModel.has(artifact.model)) byModel.set(artifact.model, new Map());
      byModel.get(artifact.model).set(artifact.option, artifact);
    }
    return byModel;
  });
  return (/** @type {any} */ { live, busy, updatesFor }) => ({
    shown: shown(live.downloads),
    underWay: under(live.downloads),
    running: running(live.servers),
    updates: updates(updatesFor ?? live.updates),
    installed: installed(live.library),
    versions: versions(live.library),
    trials: trials(live.trials),
    busy,
  });
})();

/** @template A, B @param {(source: A) => B} work @returns {(source: A) => B} */
function remembered(work) {
  /** @type {A | undefined} */
  let source;
  /** @type {B} */
  let made;
  return (next) => {
    if (source !== next || made === undefined) [source, made] = [next, work(next)];
    return made;
  };
}

/** Where the keyboard was stays the place where it is, also when its button is replaced. */
function show(/** @type {any} */ value) {
  const before = clearOutline(document, value.route);
  const focused = document.activeElement;
  const home = focused?.closest("[data-focus-home]");
  const stick = keepEnds(document);
  render(page(act, value, derived(value)));
  stick();
  if (focused && focused !== document.body && !focused.isConnected) {
    const next = home?.isConnected ? home.querySelector("button:enabled, a[href], select") : document.getElementById("main");
    /** @type {any} */ (next)?.focus({ preventScroll: true });
  }
  if (before?.typing) document.getElementById("search")?.focus();
  if (before?.route) act.go(before.route, { replace: true });
  showModals();
  document.title = titleOf(value);
}
const showModals = createModals();
const render = mount(document.getElementById("app"));

/** @param {any} value */
function titleOf(value) {
  return `${value.signedIn ? tabOf(value.route).word : "Sign in"} – Model Hub`;
}

let judgedAt = 0;
/** @type {any} */
let judging = null;

/** @param {any} frame */
function told(frame) {
  store.set((value) => {
    const live = reduce(value.live, frame);
    return live === value.live ? value : { ...value, live };
  });
  if (JUDGED_BY.has(frame.type)) judgeAgain();
  if (frame.type === "snapshot" || frame.type === "library.added" || frame.type === "download.created") learnNames();
  for (const extension of extensions) extension.hear(frame);
}

/** Verdicts and entries are others now: search again, though not all the time. */
function judgeAgain() {
  if (judging !== null) return;
  judging = setTimeout(
    () => {
      judging = null;
      judgedAt = Date.now();
      act.stale();
      learnNames();
      if (store.get().route.view === "browse") search.again(store.get().route);
    },
    Math.max(300, judgedAt + JUDGE_AGAIN_MS - Date.now()),
  );
}

let learning = false;

/** The names of models that are here but not among the results. */
async function learnNames() {
  if (learning) return;
  learning = true;
  const { library, downloads } = store.get().live;
  const models = new Set([...library.values(), ...downloads.values()].map((thing) => thing.model));
  const unknown = () => [...models].filter((model) => !store.get().names.has(model));
  try {
    let after = "";
    while (library.size && after !== null && unknown().length > 1) {
      const page = await api.get(`/catalog/models?installed=true&limit=200${after && `&after=${encodeURIComponent(after)}`}`);
      store.set((value) => learnt(value, page.items));
      after = page.next;
    }
  } catch {
    // The ids are shown instead.
  }
  for (const model of unknown().slice(0, NAMES_ONE_BY_ONE)) await act.detail(model);
  learning = false;
}

function signedOut() {
  session.signOut();
  stream.stop();
  stream.forget();
  follow({});
  store.set({ signedIn: false, live: NOTHING, updatesFor: null, results: NO_RESULTS, form: null, adding: null, chats: new Map(), signIn: { state: "none", detail: "" } });
}

/** What is looked at comes first, and the stream after it: it tells what is under way. */
async function begin() {
  const { route } = store.get();
  if (route.model) act.detail(route.model);
  follow(route);
  if (route.view !== "browse" || OPENED.some((name) => route[name])) fetchViews();
  if (route.view === "browse") await Promise.race([search.again(route), new Promise((resolve) => setTimeout(resolve, FIRST_SIGHT_MS))]);
  if (store.get().signedIn) stream.start();
  fetchViews();
}

/** Use up the code that the address carries, and take it out of the address first. */
async function signInWith(/** @type {string} */ code) {
  history.replaceState(null, "", location.pathname + location.search + wayAfterCode(location.hash));
  store.set({ route: parseRoute(location.hash), signIn: { state: "asked", detail: "" }, signedIn: false });
  try {
    await session.signIn(code);
    stream.stop();
    store.set({ signedIn: true, signIn: { state: "none", detail: "" } });
  } catch (error) {
    store.set({ signedIn: session.token() !== null, signIn: { state: "refused", detail: error instanceof Error ? error.message : String(error) } });
  }
  if (store.get().signedIn) begin();
}

function arrive() {
  const code = codeIn(location.hash);
  if (code) signInWith(code);
  else act.arrived();
}

addEventListener("hashchange", () => {
  const { view } = store.get().route;
  arrive();
  if (store.get().route.view !== view) scrollTo(0, 0);
});
addEventListener("online", () => {
  if (!store.get().signedIn) return;
  stream.start();
  back();
});
addEventListener("storage", (event) => session.concerns(event) && location.reload());
addEventListener("keydown", (event) => {
  const typing = /** @type {any} */ (event.target).closest?.("input, select, textarea, dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  document.getElementById("search")?.focus();
});

/** A tab that nobody sees gives its connection back: a browser has six per origin. */
let resting = /** @type {any} */ (null);
document.addEventListener("visibilitychange", () => {
  clearTimeout(resting);
  if (document.hidden) resting = setTimeout(() => stream.stop(), HIDDEN_MS);
  else if (store.get().signedIn) stream.start();
});

addEventListener("pagehide", () => stream.stop());
addEventListener("pageshow", (event) => event.persisted && store.get().signedIn && stream.start());

/** The outline stays a moment for an answer that is nearly here: a frame without cards takes as long as one with them. */
async function start() {
  if (early) await Promise.race([early.answer.catch(() => {}), new Promise((resolve) => setTimeout(resolve, FIRST_FRAME_MS))]);
  else show(store.get());
  if (codeIn(location.hash)) arrive();
  else if (store.get().signedIn) begin();
}

store.subscribe(show);
start();
