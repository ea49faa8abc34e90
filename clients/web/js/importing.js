// @ts-check
import { closed } from "./routes.js";
import { faultsOf } from "./load_fields.js";

/**
 * Models from elsewhere: an address, a file or folder of this computer, or what another tool holds.
 * @param {{api: any, store: any, trying: ReturnType<typeof import("./trying.js").createTrying>, go: (route: any) => void}} parts
 */
export function createImporting({ api, store, trying, go }) {
  /** @param {Record<string, any>} change */
  const put = (change) => store.set((/** @type {any} */ value) => ({ ...value, adding: value.adding && { ...value.adding, ...change } }));

  /** @param {string} key @param {() => Promise<any>} work @returns {Promise<boolean>} */
  async function done(key, work) {
    put({ faults: {} });
    trying.mark(key, true);
    try {
      await work();
      return true;
    } catch (error) {
      const problem = /** @type {any} */ (error);
      put({ faults: { [key]: Object.values(faultsOf(problem))[0] } });
      return false;
    } finally {
      trying.mark(key, false);
    }
  }

  async function readFound() {
    try {
      put({ found: await api.get("/library/found") });
    } catch (error) {
      put({ faults: { found: error instanceof Error ? error.message : String(error) } });
    }
  }

  const close = () => go(closed(store.get().route));

  return {
    /** The dialog stands open, or does not: follow the address. @param {any} route */
    async followAdding(route) {
      const open = Boolean(route.add);
      if (open === (store.get().adding !== null)) return;
      store.set({ adding: open ? { address: "", path: "", mode: "link", found: null, faults: {} } : null });
      if (open) await readFound();
    },
    /** What is installed is another: what other tools hold may be here now. */
    readFoundAgain: () => store.get().adding?.found && readFound(),
    openAdding: () => go({ ...store.get().route, add: "1" }),
    closeAdding: close,
    /** @param {string} name @param {string} text */
    addDraft: (name, text) => put({ [name]: text }),
    async addAddress() {
      const source = store.get().adding?.address.trim();
      if (source && (await done("address", () => api.post("/downloads", { source })))) go({ view: "downloads" });
    },
    async addPath() {
      const { path, mode } = store.get().adding ?? {};
      if (!path?.trim()) return;
      if (!(await done("path", () => api.post("/library/import", { path: path.trim(), mode })))) return;
      trying.say("It is being imported.", "ok");
      close();
    },
    /** @param {any} model @param {string} mode */
    async addFound(model, mode) {
      if (await done(model.id, () => api.post("/library/import", { found: model.id, mode }))) trying.say(`${model.name} is being imported.`, "ok");
    },
  };
}
