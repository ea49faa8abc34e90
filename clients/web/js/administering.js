// @ts-check
import { confirmed } from "./dialog.js";

/** What a person may do on the Settings tab. @param {{api: any, store: any, trying: ReturnType<typeof import("./trying.js").createTrying>, theme: any, signOut: () => void, ask?: typeof confirmed}} parts */
export function createAdministering({ api, store, trying, theme, signOut, ask = confirmed }) {
  return {
    /** Read what the event stream does not tell. */
    async readAbout() {
      try {
        const [status, config] = await Promise.all([api.get("/status"), api.get("/config")]);
        store.set({ about: { status, config } });
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
    /** @param {string} model */
    star: (model) =>
      trying.tried("star", async () => {
        await api.put(`/catalog/models/${model}/star`);
        trying.say("Starred. The next sync shows it.", "ok");
      }),
  };
}
