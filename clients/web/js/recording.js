// @ts-check
import { asked, listPath, seriesPath, statsPath } from "./activity_figures.js";
import { confirmed } from "./dialog.js";
import { createKeeping } from "./keeping.js";

const AGAIN_MS = 4_000;
export const NOTHING_READ = { series: null, stats: null, error: "", items: null, next: null, total: 0, gaps: [], loading: false, newer: false, detail: null, tables: new Set(), dialog: null };

/** What the Activity tab reads, and what a person may do there.
 * @param {{api: any, store: any, trying: ReturnType<typeof import("./trying.js").createTrying>, go: (route: any, how?: any) => void, ask?: typeof confirmed, clock?: () => number}} parts */
export function createRecording({ api, store, trying, go, ask = confirmed, clock = Date.now }) {
  store.set({ activity: NOTHING_READ });
  /** @param {Record<string, any> | ((activity: any) => any)} change */
  const put = (change) => store.set((/** @type {any} */ value) => ({ ...value, activity: { ...value.activity, ...(typeof change === "function" ? change(value.activity) : change) } }));
  const route = () => store.get().route;
  const isShown = () => route().view === "activity" && store.get().signedIn;
  let figuresOf = "";
  let listOf = "";
  let readAt = 0;
  /** @type {any} */
  let again = null;

  /** Figures of the address as it is now; an answer to an older question is thrown away. */
  async function readFigures() {
    const of = figuresOf;
    readAt = clock();
    try {
      const [series, stats] = await Promise.all([api.get(seriesPath(route(), clock())), api.get(statsPath(route(), clock()))]);
      if (of === figuresOf) put({ series, stats, error: "" });
    } catch (error) {
      if (of === figuresOf) put({ error: said(error) });
    }
  }

  /** @param {{more?: boolean}} [how] */
  async function readList({ more = false } = {}) {
    const of = listOf;
    const after = more ? store.get().activity.next : null;
    put({ loading: true });
    try {
      const page = await api.get(listPath(route(), clock(), after));
      if (of !== listOf) return;
      put((activity) => ({ items: more ? [...(activity.items ?? []), ...page.items] : page.items, gaps: page.gaps, next: page.next, total: page.total, loading: false, ...(more ? {} : { newer: false }) }));
    } catch (error) {
      if (of === listOf) put({ loading: false, error: said(error) });
    }
  }

  function readSoon() {
    if (again !== null || !isShown() || document.hidden) return;
    again = setTimeout(
      () => {
        again = null;
        if (!isShown()) return;
        readFigures();
        if (!store.get().activity.items?.length) readList();
      },
      Math.max(250, readAt + AGAIN_MS - clock()),
    );
  }

  /** @param {string} id */
  async function readDetail(id) {
    put({ detail: { id, record: null, content: null, error: "" } });
    try {
      const { record, content } = await api.get(`/records/${id}`);
      put((activity) => (activity.detail?.id === id ? { detail: { id, record, content, error: "" } } : {}));
    } catch (error) {
      put((activity) => (activity.detail?.id === id ? { detail: { ...activity.detail, error: said(error) } } : {}));
    }
  }

  function readAll() {
    readFigures();
    readList();
  }

  const act = {
    /** @param {Record<string, any>} change */
    narrowRecords: (change) => go({ ...route(), ...change }),
    readActivity: readAll,
    showNewer: () => readList(),
    moreRecords: () => readList({ more: true }),
    /** @param {string} id @param {boolean} open */
    plotTable(id, open) {
      const { tables } = store.get().activity;
      if (tables.has(id) === open) return;
      const next = new Set(tables);
      if (open) next.add(id);
      else next.delete(id);
      put({ tables: next });
    },
    /** @param {string} id */
    openRecord: (id) => go({ ...route(), record: id }),
    closeRecord() {
      const { record: _record, ...rest } = route();
      go(rest);
    },
    /** Mark an answer, or take the mark back where it is the same. @param {any} record @param {"good" | "bad"} mark @param {string | null} [reason] */
    async markRecord(record, mark, reason = null) {
      const same = record.mark?.value === mark && (record.mark?.reason ?? null) === reason;
      const answer = await trying.tried(`record:${record.id}`, () => api.post(`/records/${record.id}/feedback`, same ? { mark: null } : { mark, reason }));
      if (!answer) return;
      put((activity) => ({
        items: activity.items?.map((/** @type {any} */ one) => (one.id === answer.id ? answer : one)) ?? null,
        detail: activity.detail?.id === answer.id ? { ...activity.detail, record: answer } : activity.detail,
      }));
      readFigures();
    },
    ...createKeeping({ api, trying, put, get: () => store.get().activity, route, ask, readAll }),
  };

  return {
    act,
    /** @param {any} now */
    follow(now) {
      if (now.view !== "activity") return;
      const { period, by, narrowed, outcome, q } = asked(now);
      const figures = JSON.stringify([period, by, narrowed]);
      const list = JSON.stringify([period, narrowed, outcome, q]);
      if (figures !== figuresOf) {
        figuresOf = figures;
        readFigures();
      } else readSoon();
      if (list !== listOf) {
        listOf = list;
        readList();
      }
      const open = store.get().activity.detail?.id ?? null;
      if (now.record && now.record !== open) readDetail(now.record);
      if (!now.record && open) put({ detail: null });
    },
    /** @param {any} frame */
    told(frame) {
      if (frame.type !== "record.stats" && frame.type !== "snapshot") return;
      const latest = frame.type === "snapshot" ? frame.data.state?.records?.latest : frame.data.latest;
      const { items } = store.get().activity;
      if (latest && items && items[0]?.id !== latest) put({ newer: true });
      readSoon();
    },
  };
}

/** @param {any} error */
const said = (error) => (error instanceof Error ? error.message : String(error));
