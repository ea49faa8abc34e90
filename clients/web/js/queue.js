// @ts-check
import { inOrder, placeOf } from "./state.js";
import { bytes, plural } from "./text.js";

const MEGABYTE = 1_000_000;
const NO_RATE = "Write a number, or nothing for no limit.";

/** What a person may do with the queue as a whole: its order, its limits, what it left behind.
 * @param {{api: any, store: any, trying: ReturnType<typeof import("./trying.js").createTrying>}} parts */
export function createQueue({ api, store, trying }) {
  /** @param {Record<string, any>} change */
  const put = (change) => store.set((/** @type {any} */ value) => ({ ...value, queue: { ...value.queue, ...change } }));

  const queue = {
    /** Read what the event stream does not tell. */
    async readQueue() {
      try {
        const [limits, leftovers] = await Promise.all([api.get("/downloads/limits"), api.get("/downloads/leftovers")]);
        put({ limits, leftovers });
      } catch {
        // Shown without: the page says already that the daemon does not answer.
      }
    },
    /** Move a waiting download to where another stands. @param {any} download @param {any} target @param {string} name */
    async move(download, target, name) {
      const { under } = inOrder(store.get().live.downloads);
      const position = placeOf(under, download.id, target.id);
      if (!position || download.id === target.id) return;
      const moved = await trying.tried(download.id, () => api.patch(`/downloads/${download.id}`, { position }));
      if (moved) put({ said: `${name} is now number ${moved.position} in the queue.` });
    },
    /** Move it by places, as the arrow keys do. @param {any} download @param {number} by @param {string} name */
    async shift(download, by, name) {
      const { under } = inOrder(store.get().live.downloads);
      const waiting = under.filter((one) => one.position > 0);
      const at = waiting.findIndex((one) => one.id === download.id);
      const target = waiting[Math.min(waiting.length - 1, Math.max(0, at + by))];
      if (at >= 0 && target) await queue.move(download, target, name);
    },
    /** @param {string | null} dragged id */
    drag: (dragged) => put({ dragged, over: null }),
    /** @param {string | null} dragged id @param {any} target */
    async dropOn(dragged, target) {
      queue.drag(null);
      const { live, names } = store.get();
      const download = dragged ? live.downloads.get(dragged) : null;
      if (download) await queue.move(download, target, names.get(download.model) ?? download.model);
    },
    /** @param {string | null} over id */
    dragOver(over) {
      if (store.get().queue.over !== over) put({ over });
    },
    /** Change one limit. @param {string} name @param {any} wanted */
    async limit(name, wanted) {
      put({ faults: {} });
      try {
        put({ limits: await api.patch("/downloads/limits", { [name]: wanted }) });
      } catch (error) {
        const problem = /** @type {any} */ (error);
        put({ faults: { [name]: problem.errors?.[0]?.detail ?? problem.message } });
      }
    },
    /** @param {string} text megabytes a second; empty is without a limit */
    limitRate(text) {
      const value = rateOf(text);
      if (Number.isNaN(value)) return put({ faults: { max_bytes_per_s: NO_RATE } });
      return queue.limit("max_bytes_per_s", value);
    },
    /** Change what holds for one download alone. @param {any} download @param {"priority" | "max_bytes_per_s"} name @param {string} text */
    async own(download, name, text) {
      const value = name === "priority" ? Number(text.trim() || "0") : rateOf(text);
      const said = (/** @type {string} */ detail) => put({ faults: { [`${name}:${download.id}`]: detail } });
      put({ faults: {} });
      if (Number.isNaN(value)) return said(name === "priority" ? "Write a whole number." : NO_RATE);
      try {
        await api.patch(`/downloads/${download.id}`, { [name]: value });
      } catch (error) {
        const problem = /** @type {any} */ (error);
        said(problem.errors?.[0]?.detail ?? problem.message);
      }
    },
    async removeLeftovers() {
      const gone = await trying.tried("leftovers", () => api.post("/downloads/leftovers", {}));
      if (!gone) return;
      trying.say(`${plural(gone.removed.length, "file")} removed, ${bytes(gone.freed_bytes)} are free again.${gone.kept.length ? ` ${plural(gone.kept.length, "file")} could not be removed: ${gone.kept[0].reason}` : ""}`, gone.kept.length ? "bad" : "ok");
      await queue.readQueue();
    },
  };
  return queue;
}

/** Bytes a second of megabytes that somebody wrote; null for nothing, NaN for what is no number. @param {string} text */
export function rateOf(text) {
  return text.trim() === "" ? null : Math.round(Number(text.trim().replace(",", ".")) * MEGABYTE);
}
