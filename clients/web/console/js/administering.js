// @ts-check
/** Templates, publishers, keys, tokens, the log's proof, and publishing. */
import { keyOf } from "./data.js";
import { ask } from "./forms.js";
import { listPath } from "./audit.js";
import { checkLog, createMemory } from "./proof.js";
import { can, publishersOf } from "./rights.js";
import { address, modelPath, path } from "./routes.js";

const DAY_S = 86_400;
const LIVES = /** @type {[string, string][]} */ ([["1", "1 day"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "365 days"]]);
const SCOPES = /** @type {[string, string][]} */ ([["read", "read: the catalog and templates"], ["review", "review: approve and reject"], ["verify", "verify: vouch for models"], ["admin", "admin: everything but publishing and reviewing"]]);
const PATIENCE = 20;
const MOST_BYTES = 256 * 1024;
const REASON = { name: "reason", label: "Reason", kind: /** @type {const} */ ("area"), required: true, most: 2000, hint: "Kept in the audit log." };

/** @param {{api: any, act: any, store: any}} parts */
export function administering({ api, act, store }) {
  /** Ask, and show what came of it. @param {any} question @param {string} said */
  async function asked(question, said) {
    const done = await ask({ ...question, submit: async (/** @type {any} */ values) => (await question.submit(values)) ?? {} });
    if (!done) return undefined;
    act.say(said);
    await act.refresh();
    return done;
  }

  /** Each shown entry has a proof of its own: many of them may be more than is answered at once. @param {string} path @returns {Promise<any>} */
  async function patiently(path) {
    for (let turn = 0; ; turn += 1) {
      try {
        return await api.get(path);
      } catch (error) {
        const { status, retryAfterS } = /** @type {any} */ (error);
        if (status !== 429 || turn === PATIENCE) throw error;
        await new Promise((done) => setTimeout(done, (retryAfterS ?? 1) * 1000));
      }
    }
  }

  return {
    /** @param {string} form @param {string} id @param {any} body @param {boolean} created */
    async putTemplate(form, id, body, created) {
      const done = await act.tried(form, ["id", "name", "description", "models"].map((name) => ({ name })), () => api.put(path("templates", id), body));
      if (!done) return;
      act.undraft(form);
      act.say(`${done.name} is saved.`);
      if (created) location.hash = address("templates", [done.id]);
    },
    /** @param {any} template */
    async deleteTemplate(template) {
      const done = await asked({ title: `Delete ${template.name}?`, text: "The template is forgotten; its models stay as they are.", confirm: "Delete", danger: true, submit: () => api.remove(path("templates", template.id)) }, `${template.name} is deleted.`);
      if (done) location.hash = "#/templates";
    },

    newPublisher: () =>
      asked({ title: "New publisher", fields: [{ name: "name", label: "Name", required: true, most: 64, hint: "The first part of its models' ids; it stays for good." }, { name: "display_name", label: "Shown as", most: 200 }], confirm: "Create", submit: (/** @type {any} */ { name, display_name: shown }) => api.post("/publishers", { name: name.trim(), display_name: shown.trim() }) }, "The publisher is there."),
    /** @param {any} publisher */
    changePublisher(publisher) {
      const suspend = publisher.status === "active";
      const text = suspend ? "None of its versions is approved while it is suspended, and machines are told. What is served stays served: withdraw what has to go." : "Its versions can be approved again.";
      return asked({ title: `${suspend ? "Suspend" : "Activate"} ${publisher.display_name}?`, text, fields: [REASON], confirm: suspend ? "Suspend" : "Make active", danger: suspend, submit: (/** @type {any} */ { reason }) => api.patch(path("publishers", publisher.name), { status: suspend ? "suspended" : "active", reason: reason.trim() }) }, `${publisher.display_name} is ${suspend ? "suspended" : "active"}.`);
    },
    /** @param {any} publisher */
    addKey: (publisher) =>
      asked({ title: `A key of ${publisher.display_name}`, fields: [{ name: "public_key", label: "Public key", required: true, most: 64, code: true, hint: "Ed25519, 64 hexadecimal digits, as `modelhub registry keys new FILE` shows it." }], confirm: "Add", submit: (/** @type {any} */ { public_key: key }) => api.post(`${path("publishers", publisher.name)}/keys`, { public_key: key.trim().toLowerCase() }) }, "The key is added."),
    /** @param {any} publisher @param {any} key */
    revokeKey: (publisher, key) =>
      asked({ title: "Revoke this key?", text: `${key.key_id} of ${publisher.display_name} never counts again: what only it has signed is not signed any more.`, confirm: "Revoke", danger: true, keep: "Keep it", submit: () => api.remove(path("publishers", publisher.name, "keys", key.key_id)) }, "The key is revoked."),

    async newToken() {
      const { me } = store.get();
      const admin = can(me, "admin");
      const options = admin ? SCOPES : SCOPES.filter(([scope]) => can(me, scope));
      const own = admin ? [] : publishersOf(me);
      const fields = [
        ...(admin ? [{ name: "principal", label: "Person or service", required: true, most: 128, hint: "The same name for all tokens of a person: four eyes goes by it." }] : []),
        { name: "scopes", label: "May", kind: /** @type {const} */ ("checks"), options, value: "read" },
        ...(admin ? [{ name: "publish", label: "May publish for", hint: "Names of publishers, apart by blanks." }] : []),
        ...(own.length ? [{ name: "publish", label: "May publish for", kind: /** @type {const} */ ("checks"), options: /** @type {[string, string][]} */ (own.map((name) => [name, name])) }] : []),
        { name: "life", label: "Good for", kind: /** @type {const} */ ("select"), options: LIVES, value: "90", required: true },
        { name: "note", label: "Note", most: 200 },
      ];
      const made = await ask({
        title: "New token",
        fields,
        confirm: "Create",
        submit: (values) => {
          const named = (values.publish ?? "").split(/[\s,]+/).filter(Boolean).map((/** @type {string} */ name) => `publish:${name}`);
          return api.post("/tokens", { principal: admin ? values.principal.trim() : me.principal, scopes: [...values.scopes.split(" ").filter(Boolean), ...named], expires_in_s: Number(values.life) * DAY_S, note: values.note.trim() });
        },
      });
      // Whoever has signed in meanwhile must not see it.
      if (!made || store.get().me?.token_id !== me.token_id) return;
      store.set({ made: { ...made, copied: false } });
      await act.refresh();
      // A refresh that another one ends early is over before anything is drawn.
      requestAnimationFrame(() => document.getElementById("secret")?.focus());
    },
    async copyToken() {
      const { made } = store.get();
      try {
        await navigator.clipboard.writeText(made.token);
        store.set({ made: { ...made, copied: true } });
      } catch {
        getSelection()?.selectAllChildren(/** @type {Node} */ (document.getElementById("secret")));
        act.say("This browser does not let the page copy. The token is selected: copy it with the keyboard.", "bad");
      }
    },
    tokenKept: () => store.set({ made: null }),
    /** @param {any} token @param {boolean} mine */
    revokeToken: (token, mine) =>
      asked({ title: "Revoke this token?", text: mine ? "It is the one that this window uses: you are signed out." : `${token.principal} can do nothing with ${token.id} any more, from now on and for good.`, confirm: "Revoke", danger: true, keep: "Keep it", submit: () => api.remove(path("tokens", token.id)) }, "The token is revoked."),

    async checkProof() {
      const { me, route, data } = store.get();
      const entries = data.get(keyOf({ path: listPath(route) }))?.value?.items ?? [];
      /** @param {any} proof */
      const tell = (proof) => store.get().me?.token_id === me.token_id && store.set({ proof });
      tell({ busy: true });
      try {
        tell(await checkLog(patiently, createMemory(localStorage, me.registry), entries));
      } catch (error) {
        const text = crypto.subtle ? (error instanceof Error ? error.message : String(error)) : "This browser checks proofs only over https or on this machine itself. `modelhub registry audit verify` does it anywhere.";
        tell({ error: text });
      }
    },

    /** @param {string} form @param {HTMLInputElement} chosen */
    async openFile(form, chosen) {
      const file = chosen.files?.[0];
      chosen.value = "";
      if (!file) return;
      if (file.size > MOST_BYTES) act.say(`${file.name} is larger than an entry may be (256 KiB).`, "bad");
      else act.draft(form, "entry", await file.text());
    },
    /** @param {string} form @param {string} model @param {any} entry */
    async publish(form, model, { id: _, ...body }) {
      const sent = JSON.stringify([model, body]);
      const draft = store.get().drafts[form];
      const key = draft.sent === sent ? draft.key : crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
      act.change(form, { sent, key, done: null });
      const done = await act.tried(form, [], () => api.post(`${modelPath(model)}/versions`, body, { "Idempotency-Key": key }));
      if (done) act.change(form, { entry: "", model: "", sent: "", done: { ...done, model } });
    },
  };
}
