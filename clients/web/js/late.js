// @ts-check
/** Views that are fetched when their tab is first opened, so that the others do not wait for them. */
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** @type {Record<string, () => Promise<any>>} */
const VIEWS = {
  activity: () => import("./activity.js"),
  trials: () => import("./trials.js"),
};
const STYLES = "../figures.css";

/**
 * @param {{store: any}} parts what the views' own parts are made of
 * @param {(made: Record<string, any>) => void} add takes in what a person may do in a view that is there now
 */
export function createLate(parts, add) {
  const { store } = parts;
  /** @type {Map<string, any>} */
  const made = new Map();
  /** @type {Promise<void> | null} */
  let styles = null;

  /** @param {string} view */
  async function fetchView(view) {
    try {
      const [module] = await Promise.all([VIEWS[view](), (styles ??= styled())]);
      const part = module.create(parts);
      made.set(view, part);
      add(part.act);
      put(view, { show: module.show });
    } catch {
      styles = null;
      put(view, { failed: true });
    }
  }

  /** @param {string} view @param {any} state */
  const put = (view, state) => store.set((/** @type {any} */ value) => ({ ...value, late: { ...value.late, [view]: state } }));

  return {
    /** The address is another: have its view, and let it read what it needs. @param {any} route */
    async followLate(route) {
      if (route.view in VIEWS && !made.has(route.view)) await fetchView(route.view);
      for (const part of made.values()) part.follow(store.get().route);
    },
    /** @param {any} frame of the event stream */
    toldLate(frame) {
      for (const part of made.values()) part.told(frame);
    },
  };
}

/** The styles that only these views have. @returns {Promise<void>} */
function styled() {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(STYLES, import.meta.url).href;
    link.onload = () => resolve();
    link.onerror = () => {
      link.remove();
      reject(new Error("the styles could not be fetched"));
    };
    document.head.append(link);
  });
}

/** A tab whose view may still be on its way. @param {string} view @param {string} word @returns {(act: any, value: any, derived: any) => any} */
export function lateView(view, word) {
  return (act, value, derived) => {
    const { show, failed } = value.late[view] ?? {};
    if (show) return show(act, value, derived);
    return h(
      "div",
      { class: "content only" },
      h("h1", { class: "unseen" }, word),
      failed
        ? h("div", { class: "empty", role: "alert" }, h("p", null, "This part of the page could not be fetched."), h("button", { type: "button", class: "button", onclick: () => act.followLate(value.route) }, icon("retry"), "Try again"))
        : h("p", { class: "summary", role: "status" }, "Reading…"),
    );
  };
}
