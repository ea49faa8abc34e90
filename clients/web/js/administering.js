// @ts-check
import { confirmed } from "./dialog.js";
import { prunedWords } from "./space.js";
import { bytes } from "./text.js";

const READ_AGAIN_MS = 500;

/** What a person may do on the Settings tab. @param {{api: any, store: any, trying: ReturnType<typeof import("./trying.js").createTrying>, theme: any, signOut: () => void, ask?: typeof confirmed}} parts */
export function createAdministering({ api, store, trying, theme, signOut, ask = confirmed }) {
  let watching = false;
  /** @type {any} */
  let soon = null;

  const administering = {
    /** Read what the event stream does not tell. */
    async readAbout() {
      try {
        const [status, config, firstRun, sources] = await Promise.all([api.get("/status"), api.get("/config"), api.get("/library/first-run"), api.get("/library/sources")]);
        store.set({ about: { status, config, firstRun: firstRun.items, sources: sources.items } });
      } catch {
        // Shown without: the page says already that the daemon does not answer.
      }
    },
    /** @param {Record<string, any>} change */
    policy: (change) => trying.tried("policy", () => api.put("/policy", change)),
    sync: () =>
      trying.tried("sync", async () => {
        await api.post("/catalog/sync");
        trying.say("Looking at the catalog now.", "ok");
      }),
    /** @param {"system" | "light" | "dark"} word */
    theme(word) {
      theme.choose(word);
      store.set({ theme: word, themeHosted: false });
    },
    async signOut() {
      if (await ask({ title: "Sign out?", text: "This browser forgets its session. `modelhub ui` signs it in again.", confirm: "Sign out" })) signOut();
    },
    async rotateToken() {
      const text = "The daemon makes a new token. Every browser, this one too, and every program that uses the old one has to sign in again.";
      if (!(await ask({ title: "End every session?", text, confirm: "End them", danger: true }))) return;
      await trying.tried("token", () => api.post("/token/rotate"));
      signOut();
    },
    /** Who takes the space is worked out while somebody looks. @param {boolean} open */
    watchSpace(open) {
      watching = open;
      if (open) administering.readSpace();
    },
    async readSpace() {
      try {
        store.set({ space: await api.get("/library/usage") });
      } catch {
        // What was read before stays.
      }
    },
    readSpaceSoon() {
      clearTimeout(soon);
      if (watching) soon = setTimeout(administering.readSpace, READ_AGAIN_MS);
    },
    async prune() {
      const found = await trying.tried("prune", () => api.post("/library/prune", { dry_run: true }));
      if (!found) return;
      if (!(await ask({ title: `Give back ${bytes(found.freed_bytes)}?`, text: prunedWords(found), confirm: "Give back", danger: true }))) return;
      const gone = await trying.tried("prune", () => api.post("/library/prune", {}));
      if (!gone) return;
      trying.say(`${bytes(gone.freed_bytes)} are free again.${gone.kept.length ? ` ${gone.kept[0].name} was kept: ${gone.kept[0].reason}` : ""}`, gone.kept.length ? "bad" : "ok");
      await administering.readSpace();
    },
    /** @param {string[]} models */
    async skipFirstRun(models) {
      await trying.tried("provided", () => api.post("/library/first-run/skip", { models }));
      await administering.readAbout();
    },
    /** @param {import("../types/daemon").Source} source */
    async removeSource(source) {
      if (!(await ask({ title: `Take out what ${source.app ?? source.id} provides?`, text: "Its models leave the library. Its files stay where they are.", confirm: "Take out" }))) return;
      await trying.tried("provided", () => api.remove(`/library/sources/${encodeURIComponent(source.id)}`));
      await administering.readAbout();
    },
    /** Star a model, or take the star away. Who starred what the registry tells nobody: this tab knows its own. @param {string} model @param {boolean} on */
    star: (model, on) =>
      trying.tried("star", async () => {
        await (on ? api.put(`/catalog/models/${model}/star`) : api.remove(`/catalog/models/${model}/star`));
        store.set((/** @type {any} */ value) => {
          const starred = new Set(value.starred);
          if (on) starred.add(model);
          else starred.delete(model);
          return { ...value, starred };
        });
        trying.say(on ? "Starred. The next sync shows it." : "The star is taken away.", "ok");
      }),
  };
  return administering;
}
