// @ts-check
/** What there is to update for the application that shows the page. The event stream tells it for none in particular: it says when to ask. */

const GATHER_MS = 100;

/** @param {{api: any, store: any, application: string | null, later?: (run: () => void, ms: number) => any}} parts */
export function createUpdatesFor({ api, store, application, later = setTimeout }) {
  let soon = false;
  let turn = 0;

  async function read() {
    soon = false;
    const mine = (turn += 1);
    const found = new Map();
    try {
      for (let after = ""; after !== null; ) {
        const page = await api.get(`/updates?limit=200${after && `&after=${encodeURIComponent(after)}`}`);
        for (const update of page.items) found.set(update.id, update);
        after = page.next;
      }
      if (mine === turn) store.set({ updatesFor: found });
    } catch {
      // What was read before stays; the next snapshot has it read again.
    }
  }

  return {
    /** A frame of the event stream. @param {{type: string}} frame */
    hear({ type }) {
      if (!application || soon || !(type === "snapshot" || type.startsWith("update."))) return;
      soon = true;
      later(read, GATHER_MS);
    },
  };
}
