// @ts-check
/** Deciding on versions and models. */
import { h } from "../../js/dom.js";
import { plural } from "../../js/text.js";
import { ask } from "./forms.js";
import { EVERY_TEMPLATE } from "./model.js";
import { fetched } from "./data.js";
import { previewed } from "./preview.js";
import { modelPath } from "./routes.js";
import { moves, servedAfter } from "./verification.js";

const REASON = { name: "reason", label: "Reason", kind: /** @type {const} */ ("area"), required: true, most: 2000 };

/** @param {{api: any, act: any}} parts */
export function deciding({ api, act }) {
  /** @param {any} version */
  const at = (version) => `${modelPath(version.model)}/versions/${version.version}`;

  /** A whole list as it is now: what the view holds of it may be old, a part, or not there yet. Null, and said, where it cannot be read.
   * @param {import("./data.js").Need} need @param {string} unknown @returns {Promise<any[] | null>} */
  async function whole(need, unknown) {
    try {
      return (await fetched(api, need)).items;
    } catch (error) {
      act.say(`${unknown} cannot be told: ${/** @type {Error} */ (error).message}`, "bad");
      return null;
    }
  }
  const everyTemplate = () => whole(EVERY_TEMPLATE, "Which badges move");
  const everyVersion = (/** @type {string} */ model) => whole({ path: `${modelPath(model)}/versions?limit=200`, all: true }, "Which version is served instead");

  return {
    /** @param {string} form @param {any} version @param {"approve" | "reject"} decision @param {string} reason */
    async decide(form, version, decision, reason) {
      const body = { decision, content_sha256: version.content_sha256, ...(reason ? { reason } : {}) };
      const done = await act.tried(form, [REASON], () => api.post(`${at(version)}/decision`, body));
      if (!done) return;
      act.undraft(form);
      act.say(`${version.model} version ${version.version} is ${done.status}.`);
    },
    /** @param {any} version */
    async cancel(version) {
      const submit = () => api.post(`${at(version)}/cancel`);
      const done = await ask({ title: `Take version ${version.version} back?`, text: `${version.model} version ${version.version} waits for a decision. Taken back, it is never served; a new version can be published.`, confirm: "Take it back", keep: "Keep it", submit });
      if (!done) return;
      act.say(`Version ${version.version} is taken back.`);
      await act.refresh();
    },
    /** @param {any} version @param {any} value */
    async withdraw(version, value) {
      const known = value.data.get(modelPath(version.model))?.value;
      const [templates, versions] = await Promise.all([everyTemplate(), everyVersion(version.model)]);
      if (!templates || !versions) return;
      const next = servedAfter(versions, version.version);
      const follows = !version.served ? "It is not the one that is served." : next === null ? "No other version is approved: the model is gone from every machine's catalog, with a tombstone." : `Version ${next} is served instead, unverified.`;
      const body = h("div", { key: "follows" }, h("p", null, `Machines stop getting version ${version.version} of ${version.model}. ${follows}`), version.served && known?.verified ? previewed(moves(templates, version.model, false)) : null);
      const done = await ask({ title: `Withdraw version ${version.version}?`, body, fields: [{ ...REASON, hint: "Shown on every machine and kept in the audit log." }], confirm: "Withdraw", danger: true, keep: "Keep it", submit: ({ reason }) => api.post(`${at(version)}/withdraw`, { reason: reason.trim() }) });
      if (!done) return;
      act.say(`${version.model} version ${version.version} is withdrawn.`);
      await act.refresh();
    },
    /** @param {any} model @param {boolean} wanted */
    async verify(model, wanted) {
      const templates = await everyTemplate();
      if (!templates) return;
      const path = `${modelPath(model.id)}/verification`;
      const done = await ask({
        title: wanted ? `Verify ${model.id}?` : `Take the verification of ${model.id} back?`,
        body: previewed(moves(templates, model.id, wanted)),
        confirm: wanted ? "Verify" : "Take it back",
        danger: !wanted,
        submit: () => (wanted ? api.put(path) : api.remove(path).then((/** @type {any} */ answer) => answer ?? {})),
      });
      if (!done) return;
      act.say(wanted ? `${model.id} is verified.` : `${model.id} is not verified any more.`);
      await act.refresh();
    },
    /** @param {any} model */
    async resetCounters(model) {
      const { downloads, stars } = model.counters;
      const done = await ask({ title: "Reset the counters?", text: `${model.id} has ${plural(downloads, "download")} and ${plural(stars, "star")}. Both start again from zero; the audit log says so.`, confirm: "Reset", danger: true, submit: () => api.post(`${modelPath(model.id)}/counters/reset`) });
      if (!done) return;
      act.say(`The counters of ${model.id} are zero.`);
      await act.refresh();
    },
  };
}
