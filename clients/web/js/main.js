// @ts-check
/** Puts the page's parts together. */
import { createActions } from "./actions.js";
import { createApi } from "./api.js";
import { mount } from "./dom.js";
import { parseRoute } from "./routes.js";
import { NO_RESULTS, createSearch } from "./search.js";
import { codeIn, createSession } from "./session.js";
import { page } from "./shell.js";
import { NOTHING, installedOptions, isEnded, reduce, shownDownloads } from "./state.js";
import { createStore } from "./store.js";
import { createStream } from "./stream.js";

const HIDDEN_MS = 60_000;
const JUDGE_AGAIN_MS = 15_000;

const anonymous = createApi(() => null, () => {});
const session = createSession(localStorage, (code) => anonymous.post("/session", { code }));
const store = createStore({
  route: parseRoute(location.hash),
  signedIn: session.token() !== null,
  signIn: { state: "none", detail: "" },
  connection: "connecting",
  live: NOTHING,
  results: NO_RESULTS,
  details: new Map(),
  chosen: new Map(),
  names: new Map(),
  busy: new Set(),
  notices: [],
  filtersOpen: false,
});
const api = createApi(session.token, signedOut);
const search = createSearch(api, store);
const act = createActions({ api, store, search });
const stream = createStream({ open: (path, rest) => api.open("GET", path, rest), onFrame: told, onState: (connection) => store.set({ connection }) });

/** What views need and the state does not say outright, worked out again only when its source is another. */
const derived = (() => {
  const shown = remembered(shownDownloads);
  const under = remembered((/** @type {ReadonlyMap<string, any>} */ downloads) => [...downloads.values()].filter((download) => !isEnded(download)).length);
  const installed = remembered((/** @type {ReadonlyMap<string, any>} */ library) => {
    const byModel = new Map();
    for (const artifact of installedOptions(library).values()) {
      if (artifact.state !== "ok") continue;
      if (!byModel.has(artifact.model)) byModel.set(artifact.model, new Map());
      byModel.get(artifact.model).set(artifact.option, artifact);
    }
    return byModel;
  });
  return (/** @type {any} */ value) => ({ shown: shown(value.live.downloads), underWay: under(value.live.downloads), installed: installed(value.live.library), busy: value.busy });
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
  const focused = document.activeElement;
  const home = focused?.closest("[data-focus-home]");
  render(page(act, value, derived(value)));
  if (focused && focused !== document.body && !focused.isConnected) {
    const next = home?.isConnected ? home.querySelector("button:enabled, a[href], select") : document.getElementById("main");
    /** @type {any} */ (next)?.focus({ preventScroll: true });
  }
  document.title = titleOf(value);
}
const render = mount(document.getElementById("app"));

/** @param {any} value */
function titleOf(value) {
  const words = { browse: "Browse", installed: "Installed", downloads: "Downloads" };
  return `${value.signedIn ? words[/** @type {"browse"} */ (value.route.view)] : "Sign in"} – Model Hub`;
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
  if (frame.type === "catalog.synced" || frame.type === "device.changed") judgeAgain();
  if (frame.type === "snapshot" || frame.type === "library.added" || frame.type === "download.created") learnNames();
}

/** Verdicts and entries are others now: search again, though not all the time. */
function judgeAgain() {
  if (judging !== null) return;
  judging = setTimeout(
    () => {
      judging = null;
      judgedAt = Date.now();
      act.stale();
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
  for (const model of models) if (!store.get().names.has(model)) await act.detail(model);
  learning = false;
}

function signedOut() {
  session.signOut();
  stream.stop();
  stream.forget();
  store.set({ signedIn: false, live: NOTHING, results: NO_RESULTS, signIn: { state: "none", detail: "" } });
}

function begin() {
  stream.start();
  if (store.get().route.view === "browse") search.again(store.get().route);
}

/** Use up the code that the address carries, and take it out of the address first. */
async function signInWith(/** @type {string} */ code) {
  history.replaceState(null, "", `${location.pathname}#/browse`);
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
  arrive();
  scrollTo(0, 0);
});
addEventListener("online", () => store.get().signedIn && stream.start());
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

store.subscribe(show);
show(store.get());
if (codeIn(location.hash)) arrive();
else if (store.get().signedIn) begin();
