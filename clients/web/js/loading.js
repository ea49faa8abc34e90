// @ts-check
import { closed, formatRoute } from "./routes.js";
import { faultsOf, settingsOf } from "./load_fields.js";

const TYPING_MS = 180;

/** @typedef {import("../types/daemon").SettingsAnswer} SettingsAnswer */
/** @typedef {import("../types/daemon").Estimate} Estimate */
/** @typedef {import("../types/daemon").LoadPlan} LoadPlan */
/**
 * The Load form as it stands.
 * @typedef {object} Form
 * @property {string} id of the artifact
 * @property {SettingsAnswer | null} settings
 * @property {Record<string, string>} draft what was typed, by field
 * @property {Estimate | null} estimate
 * @property {LoadPlan | null} plan
 * @property {boolean} asking whether a newer estimate is on its way
 * @property {Record<string, string>} faults by field; "" is about the whole
 * @property {string} code of the last refusal
 */

/** What a person may do in the Load form. @param {{api: any, store: any, trying: ReturnType<typeof import("./trying.js").createTrying>}} parts */
export function createLoading({ api, store, trying }) {
  /** @type {any} */
  let typing = null;
  /** @type {AbortController | null} */
  let asking = null;

  /** @param {string} id @param {Partial<Form> | ((form: Form) => Partial<Form>)} change */
  function put(id, change) {
    store.set((/** @type {any} */ value) => {
      if (value.form?.id !== id) return value;
      return { ...value, form: { ...value.form, ...(typeof change === "function" ? change(value.form) : change) } };
    });
  }

  /** Ask what the draft would take, and whether it would be done. The last question wins. */
  async function judge() {
    const form = /** @type {Form | null} */ (store.get().form);
    if (!form) return;
    asking?.abort();
    const mine = (asking = new AbortController());
    const { settings, faults } = settingsOf(form.draft);
    if (Object.keys(faults).length) {
      put(form.id, { faults, code: "", asking: false });
      return;
    }
    put(form.id, { asking: true });
    try {
      const estimate = await api.post(`/library/${form.id}/estimate`, { settings }, mine.signal);
      put(form.id, { estimate, faults: {}, code: "" });
      const plan = await api.post("/servers?dry_run=true", { library_id: form.id, settings }, mine.signal);
      put(form.id, { plan, asking: false });
    } catch (error) {
      if (mine.signal.aborted) return;
      const problem = /** @type {any} */ (error);
      put(form.id, { plan: null, faults: faultsOf(problem), code: problem.code ?? "", asking: false });
    }
  }

  /** @param {string} id */
  async function read(id) {
    try {
      put(id, { settings: await api.get(`/library/${id}/settings`) });
    } catch (error) {
      put(id, { faults: { "": error instanceof Error ? error.message : String(error) } });
    }
  }

  /** @param {"PUT" | "DELETE"} method @param {Form} form @param {any} [body] */
  async function keep(method, form, body) {
    const answer = await trying.tried(`form:${form.id}`, async () => {
      const revision = form.settings?.revision;
      const response = await api.open(method, `/library/${form.id}/settings`, { body, headers: revision ? { "If-Match": `"${revision}"` } : {} });
      return response.json();
    });
    if (!answer) return read(form.id);
    put(form.id, { settings: answer, draft: {} });
    await judge();
  }

  const loading = {
    /** The form stands open, or does not: follow the address. @param {any} route */
    followForm(route) {
      const id = route.load ?? null;
      if ((store.get().form?.id ?? null) === id) return;
      asking?.abort();
      store.set({ form: id ? { id, settings: null, draft: {}, estimate: null, plan: null, asking: true, faults: {}, code: "" } : null });
      if (id) {
        read(id);
        judge();
      }
    },
    closeForm() {
      location.hash = formatRoute(closed(store.get().route));
    },
    /** @param {string} name @param {string} text */
    draft(name, text) {
      const form = store.get().form;
      if (!form) return;
      put(form.id, ({ draft, faults }) => ({ draft: { ...draft, [name]: text }, faults: Object.fromEntries(Object.entries(faults).filter(([field]) => field && field !== name)) }));
      clearTimeout(typing);
      typing = setTimeout(judge, TYPING_MS);
    },
    async saveForm() {
      const form = /** @type {Form | null} */ (store.get().form);
      if (!form) return;
      const { settings, faults } = settingsOf(form.draft);
      if (Object.keys(faults).length) return put(form.id, { faults });
      await keep("PUT", form, { ...form.settings?.saved, ...settings });
    },
    async forgetSaved() {
      const form = store.get().form;
      if (form) await keep("DELETE", form);
    },
    /** Load with what the form says. @param {{force?: boolean}} [how] */
    async load({ force = false } = {}) {
      const form = /** @type {Form | null} */ (store.get().form);
      if (!form) return;
      const { settings, faults } = settingsOf(form.draft);
      if (Object.keys(faults).length) return put(form.id, { faults });
      trying.mark(`form:${form.id}`, true);
      try {
        await api.post("/servers", { library_id: form.id, settings, ...(force ? { force } : {}) });
        loading.closeForm();
      } catch (error) {
        const problem = /** @type {any} */ (error);
        put(form.id, { faults: faultsOf(problem), code: problem.code ?? "" });
      } finally {
        trying.mark(`form:${form.id}`, false);
      }
    },
  };
  return loading;
}
