// @ts-check
/** What a person may do. Each asks the registry; what came of it is asked for again, here and in every other console. */
import { deciding } from "./deciding.js";
import { administering } from "./administering.js";
import { refusal, toFault } from "./forms.js";
import { address } from "./routes.js";

const NOTICE_MS = 6_000;
const TYPING_MS = 200;

/** @param {{api: any, store: any, refresh: () => Promise<any>, more: (path: string, pages: number) => Promise<any>, signIn: (token: string) => void, signOut: () => void, enter: () => void}} parts */
export function createActions({ api, store, refresh, more, signIn, signOut, enter }) {
  let notices = 0;
  /** @type {any} */
  let typing = null;

  /** @param {string} text @param {"ok" | "bad"} tone */
  function say(text, tone = "ok") {
    const id = (notices += 1);
    store.set((/** @type {any} */ value) => ({ ...value, notices: [...value.notices.filter((/** @type {any} */ old) => old.text !== text).slice(-3), { id, tone, text }] }));
    if (tone === "ok") setTimeout(() => act.dismiss(id), NOTICE_MS);
  }

  /** @param {string} key @param {boolean} on */
  function mark(key, on) {
    store.set((/** @type {any} */ value) => {
      const busy = new Set(value.busy);
      if (on) busy.add(key);
      else busy.delete(key);
      return { ...value, busy };
    });
  }

  /** Do it with a form marked as busy; a refusal is shown in the form. @param {string} form @param {{name: string}[]} fields @param {() => Promise<any>} work */
  async function tried(form, fields, work) {
    mark(form, true);
    try {
      const answer = await work();
      await refresh();
      return answer;
    } catch (error) {
      const { fault, faults } = refusal(error, fields);
      change(form, { fault, faults, errors: /** @type {any} */ (error).errors ?? [] });
      if (/** @type {any} */ (error).status === 409) refresh(); // somebody else was first
      requestAnimationFrame(() => toFault(document));
      return undefined;
    } finally {
      mark(form, false);
    }
  }

  /** @param {string} form @param {any} more */
  function change(form, more) {
    store.set((/** @type {any} */ value) => ({ ...value, drafts: { ...value.drafts, [form]: { ...value.drafts[form], ...more } } }));
  }

  /** @param {string} name @param {string} text @param {boolean} replace */
  function filter(name, text, replace) {
    const { route } = store.get();
    const hash = address(route.view, route.parts, { ...route.query, [name]: text });
    if (hash === location.hash) return;
    if (!replace) location.hash = hash;
    else {
      history.replaceState(null, "", hash);
      dispatchEvent(new HashChangeEvent("hashchange"));
    }
  }

  const act = {
    say,
    refresh,
    signIn,
    signOut,
    enter,
    change,
    tried,
    /** @param {string} form @param {string} name @param {string} text */
    draft: (form, name, text) => change(form, { [name]: text, fault: "", faults: {}, errors: [] }),
    /** @param {string} form */
    undraft: (form) => store.set((/** @type {any} */ value) => ({ ...value, drafts: { ...value.drafts, [form]: undefined } })),
    /** @param {number} id */
    dismiss: (id) => store.set((/** @type {any} */ value) => ({ ...value, notices: value.notices.filter((/** @type {any} */ one) => one.id !== id) })),
    /** @param {Event} event */
    skip(event) {
      event.preventDefault();
      document.getElementById("main")?.focus();
    },
    /** A choice goes into the address at once. @param {string} name @param {string} text */
    filter: (name, text) => filter(name, text, false),
    /** Words go into it when the typing pauses, and not into the history one by one. @param {string} name @param {string} text */
    typed(name, text) {
      clearTimeout(typing);
      typing = setTimeout(() => filter(name, text, true), TYPING_MS);
    },
    /** @param {string} key */
    more(key) {
      const pages = (store.get().pages.get(key) ?? 1) + 1;
      store.set((/** @type {any} */ value) => ({ ...value, pages: new Map(value.pages).set(key, pages) }));
      return more(key, pages);
    },
  };
  return Object.assign(act, deciding({ api, act }), administering({ api, act, store }));
}
