// @ts-check
import { confirmed } from "./dialog.js";
import { isRefused, reasonOf } from "./fit.js";
import { closed, formatRoute, parseRoute, toggled } from "./routes.js";
import { learnt } from "./search.js";
import { bytes, optionName } from "./text.js";
import { createTrying } from "./trying.js";

const TYPING_MS = 160;
/** Refusals of a download that a person may override. */
const OVERRIDABLE = new Set(["does_not_fit", "requirement_not_met"]);

/**
 * What a person may do. Each asks the daemon; the event stream alone brings what came of it, because an answer
 * may arrive after an event that is newer than it.
 * @param {{api: any, store: any, search: any, ask?: typeof confirmed, trying?: ReturnType<typeof createTrying>, onRoute?: (route: any) => void}} parts
 */
export function createActions({ api, store, search, ask = confirmed, trying = createTrying(store), onRoute = () => {} }) {
  const { say, tried } = trying;
  /** @type {any} */
  let typing = null;
  /** @type {Set<string>} */
  const fetching = new Set();
  /** @type {Set<string>} */
  const fresh = new Set();

  /** @param {any} model @param {string | null} option @param {boolean} force */
  async function create(model, option, force) {
    const version = model.usable_version ?? model.version;
    const body = { model: model.id, ...(option ? { option, version } : {}), ...(force ? { force } : {}) };
    try {
      await api.post("/downloads", body);
    } catch (error) {
      const problem = /** @type {any} */ (error);
      if (force || !OVERRIDABLE.has(problem.code)) throw error;
      const why = problem.code === "requirement_not_met" ? (model.held_back ?? problem.message) : problem.message;
      if (await anyway(model, why)) await create(model, option, true);
    }
  }

  /** @param {any} model @param {string} why */
  function anyway(model, why) {
    return ask({ title: `Download ${model.display_name} anyway?`, text: `${why}${/[.!?]$/.test(why) ? "" : "."} It can be downloaded, but it may not run here.`, confirm: "Download anyway" });
  }

  const act = {
    say,
    /** @param {any} route @param {{replace?: boolean}} [how] */
    go(route, { replace = false } = {}) {
      const hash = formatRoute(route);
      if (hash === location.hash) return;
      if (replace) {
        history.replaceState(null, "", hash);
        act.arrived();
      } else location.hash = hash;
    },
    /** The address is another. */
    arrived() {
      const route = parseRoute(location.hash);
      store.set({ route });
      if (!store.get().signedIn) return;
      if (route.model) act.detail(route.model);
      if (route.view === "browse") search.follow(route);
      onRoute(route);
    },
    /** @param {string} q */
    typed(q) {
      store.set((/** @type {any} */ value) => ({ ...value, route: { ...value.route, q } }));
      clearTimeout(typing);
      typing = setTimeout(() => act.go(store.get().route, { replace: true }), TYPING_MS);
    },
    /** @param {string} facet @param {string} value */
    toggle(facet, value) {
      act.go(toggled(store.get().route, facet, value));
    },
    clearFilters() {
      const { q, sort } = store.get().route;
      act.go({ view: "browse", q, sort });
    },
    clearAll: () => act.go({ view: "browse" }),
    /** @param {string} model */
    openDetails: (model) => act.go({ ...store.get().route, model }),
    /** @param {string} load */
    openForm: (load) => act.go({ ...store.get().route, load }),
    closeDetails: () => act.go(closed(store.get().route)),
    /** Open a pane of a server, or close it. @param {string | null} server @param {string} pane */
    pane(server, pane) {
      const { server: _server, pane: _pane, ...route } = store.get().route;
      act.go(server ? { ...route, server, pane } : route);
    },
    searchAgain: () => search.again(store.get().route),
    more: () => search.more(store.get().route),
    /** @param {boolean} filtersOpen */
    showFilters: (filtersOpen) => store.set({ filtersOpen }),
    /** @param {Event} event */
    skip(event) {
      event.preventDefault();
      document.getElementById("main")?.focus();
    },
    dismiss: trying.dismiss,

    /** Fetch a model's options, unless they are here and as fresh as can be. @param {string} id */
    async detail(id) {
      if (fetching.has(id) || fresh.has(id)) return;
      fetching.add(id);
      fresh.add(id);
      try {
        const detail = await api.get(`/catalog/models/${id}`);
        store.set((/** @type {any} */ value) => ({ ...learnt(value, [detail]), details: new Map(value.details).set(id, detail) }));
      } catch (error) {
        // The card goes on with what the search gave; pointing at it asks again, unless there is no such model.
        const { status, message: why } = /** @type {any} */ (error);
        if (status !== 404) fresh.delete(id);
        store.set((/** @type {any} */ value) => ({ ...value, absent: new Map(value.absent).set(id, { why, again: status !== 404 }) }));
      } finally {
        fetching.delete(id);
      }
    },
    /** The options' verdicts may be others now. */
    stale() {
      fresh.clear();
      for (const id of store.get().chosen.keys()) act.detail(id);
    },
    /** @param {string} model @param {string} option */
    choose(model, option) {
      store.set((/** @type {any} */ value) => ({ ...value, chosen: new Map(value.chosen).set(model, option) }));
    },
    /** @param {any} model @param {string | null} option @param {any} fit */
    async get(model, option, fit) {
      const force = isRefused(fit);
      if (force && !(await anyway(model, reasonOf(fit)))) return;
      await tried(model.id, () => create(model, option, force));
    },
    /** @param {"pause" | "resume" | "retry" | "cancel" | "forget"} verb @param {any} download */
    async download(verb, download) {
      if (verb === "cancel" && download.progress.done_bytes > 0) {
        const text = `${bytes(download.progress.done_bytes)} of it are here already and are thrown away.`;
        if (!(await ask({ title: "Cancel this download?", text, confirm: "Cancel the download", danger: true }))) return;
      }
      const path = `/downloads/${download.id}`;
      await tried(download.id, () => (verb === "forget" ? api.remove(path) : api.post(`${path}/${verb}`)));
    },
    /** @param {"pause" | "resume"} verb */
    allDownloads: (verb) => tried("downloads", () => api.post(`/downloads/${verb}`)),
    /** @param {any[]} ended */
    forgetEnded: (ended) => tried("downloads", () => Promise.all(ended.map((download) => api.remove(`/downloads/${download.id}`)))),

    /** @param {any} server */
    unload: (server) => tried(server.library_id, () => api.remove(`/servers/${server.id}`)),
    /** @param {any} server */
    restart: (server) => tried(server.library_id, () => api.post(`/servers/${server.id}/restart`)),
    /** @param {any} artifact */
    makeActive: (artifact) => tried(artifact.id, () => api.put(`/catalog/models/${artifact.model}/active`, { library_id: artifact.id })),
    /** @param {any} artifact @param {string} title */
    async removeArtifact(artifact, title) {
      const text = artifact.outside ? `${optionName(artifact)} is forgotten here. Its files stay where they are.` : `${optionName(artifact)}, ${bytes(artifact.size_bytes)}, is deleted from this computer.`;
      if (!(await ask({ title: `Remove ${title}?`, text, confirm: "Remove", danger: true }))) return;
      await tried(artifact.id, async () => {
        await api.remove(`/library/${artifact.id}`);
        say(artifact.outside ? `${title} is forgotten.` : `${title} is removed: ${bytes(artifact.size_bytes)} are free again.`, "ok");
      });
    },
  };
  return act;
}
