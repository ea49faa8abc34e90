// @ts-check
import { confirmed } from "./dialog.js";
import { faultsOf } from "./trialing.js";

const MOST_MODELS = 8;
export const NOTHING_EVALUATED = { form: null };
const NEW = { name: "", set: "", setName: "", checks: "", checksName: "", models: [], tokens: "512", evict: false };

/** The body that begins an evaluation, or what is in its way by field. @param {any} draft @returns {{body: any, faults: Record<string, string>}} */
export function evaluationOf({ name, set, checks, models, tokens, evict }) {
  /** @type {Record<string, string>} */
  const faults = {};
  if (!set.trim()) faults.set = "Choose a file of questions, one in each line.";
  if (!models.length) faults.models = "Choose at least one model.";
  else if (models.length > MOST_MODELS) faults.models = `At most ${MOST_MODELS} models can be compared.`;
  const most = Number(tokens);
  if (!/^\d+$/.test(tokens.trim()) || most < 1 || most > 131_072) faults.sampling = "Write a whole number from 1 to 131,072.";
  const body = { set, models, sampling: { max_tokens: most }, evict, ...(name.trim() ? { name: name.trim() } : {}), ...(checks.trim() ? { checks } : {}) };
  return { body, faults };
}

/** How many questions a JSONL text holds. @param {string} text */
export function questionsIn(text) {
  return text.split("\n").filter((line) => line.trim()).length;
}

/** What a person may do with evaluations.
 * @param {{api: any, store: any, trying: ReturnType<typeof import("./trying.js").createTrying>, ask?: typeof confirmed, save?: (name: string, kind: string, text: string) => void}} parts */
export function createEvaluating({ api, store, trying, ask = confirmed, save = saved }) {
  store.set({ evaluating: NOTHING_EVALUATED });
  /** @param {any} change of the form, while it is open */
  const put = (change) => store.set((/** @type {any} */ value) => (value.evaluating.form ? { ...value, evaluating: { form: { ...value.evaluating.form, ...change } } } : value));

  const act = {
    openEvaluation: () => store.set({ evaluating: { form: { draft: NEW, faults: {} } } }),
    closeEvaluation: () => store.set({ evaluating: NOTHING_EVALUATED }),
    /** @param {Record<string, any>} change @param {string} [field] as the daemon names it, whose fault is gone */
    draftEvaluation(change, field = Object.keys(change)[0]) {
      const { form } = store.get().evaluating;
      if (!form) return;
      const { [field]: _fault, "": _whole, ...faults } = form.faults;
      put({ draft: { ...form.draft, ...change }, faults });
    },
    /** Read a chosen file into the form. @param {"set" | "checks"} field @param {File | undefined} file */
    async readInto(field, file) {
      try {
        act.draftEvaluation({ [field]: file ? await file.text() : "", [`${field}Name`]: file?.name ?? "" }, field);
      } catch {
        put({ faults: { ...store.get().evaluating.form?.faults, [field]: "The file cannot be read. Choose it again." } });
      }
    },
    /** The first that is chosen is what the others are compared with. @param {string} id */
    toggleModel(id) {
      const { models } = store.get().evaluating.form.draft;
      act.draftEvaluation({ models: models.includes(id) ? models.filter((/** @type {string} */ one) => one !== id) : [...models, id] });
    },
    async startEvaluation() {
      const { body, faults } = evaluationOf(store.get().evaluating.form.draft);
      put({ faults });
      if (Object.keys(faults).length) return;
      trying.mark("evaluation", true);
      try {
        await api.post("/evaluations", body);
        act.closeEvaluation();
      } catch (error) {
        put({ faults: faultsOf(error) });
      } finally {
        trying.mark("evaluation", false);
      }
    },

    /** @param {"cancel" | "resume"} verb @param {any} evaluation */
    evaluationVerb: (verb, evaluation) => trying.tried(`evaluation:${evaluation.id}`, () => api.post(`/evaluations/${evaluation.id}/${verb}`)),
    /** @param {any} evaluation @param {string} title */
    async removeEvaluation(evaluation, title) {
      if (!(await ask({ title: `Remove ${title}?`, text: "Its questions, answers and report are deleted from this computer.", confirm: "Remove", danger: true }))) return;
      await trying.tried(`evaluation:${evaluation.id}`, () => api.remove(`/evaluations/${evaluation.id}`));
    },
    /** Save its report as a file. @param {any} evaluation @param {"html" | "md" | "json"} format */
    report: (evaluation, format) =>
      trying.tried(`evaluation:${evaluation.id}`, async () => {
        const response = await api.open("GET", `/evaluations/${evaluation.id}/report?format=${format}`, { headers: { Accept: "*/*" } });
        save(`evaluation-${evaluation.id}.${format}`, response.headers.get("Content-Type") ?? "text/plain", await response.text());
      }),
  };
  return act;
}

/** Let the browser save a file. @param {string} name @param {string} kind @param {string} text */
function saved(name, kind, text) {
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
