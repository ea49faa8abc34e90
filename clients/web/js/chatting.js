// @ts-check
import { lineReader } from "./stream.js";

/** @typedef {{role: "user" | "assistant", text: string, thoughts: string, error: string, stopped: boolean}} Said */

/**
 * What a line of the answer's stream adds; null ends it. Pure.
 * @param {string} line
 * @returns {{text: string, thoughts: string, tokens: number | null} | null | undefined} undefined for a line without meaning
 */
export function pieceOf(line) {
  if (!line.startsWith("data:")) return undefined;
  const body = line.slice(5).trim();
  if (body === "[DONE]") return null;
  const frame = JSON.parse(body);
  if (frame.error) throw new Error(frame.error.message ?? "The model failed.");
  const delta = frame.choices?.[0]?.delta ?? {};
  return { text: delta.content ?? "", thoughts: delta.reasoning_content ?? "", tokens: frame.usage?.completion_tokens ?? null };
}

/** Trying a running model out: what was said stays in this tab only. @param {{api: any, store: any}} parts */
export function createChatting({ api, store }) {
  /** @type {Map<string, AbortController>} */
  const answering = new Map();

  /** @param {string} id @param {(chat: any) => any} change */
  function put(id, change) {
    store.set((/** @type {any} */ value) => ({ ...value, chats: new Map(value.chats).set(id, change(value.chats.get(id) ?? NO_CHAT)) }));
  }

  /** @param {string} id @param {(last: Said) => Partial<Said>} change */
  function putLast(id, change) {
    put(id, (chat) => ({ ...chat, said: chat.said.map((/** @type {Said} */ one, /** @type {number} */ at) => (at === chat.said.length - 1 ? { ...one, ...change(one) } : one)) }));
  }

  /** @param {any} server @param {Said[]} said @param {AbortController} mine */
  async function answer(server, said, mine) {
    const messages = said.filter((one) => one.text).map(({ role, text }) => ({ role, content: text }));
    const body = { model: server.name, messages, stream: true, stream_options: { include_usage: true } };
    const response = await api.open("POST", "/v1/chat/completions", { body, signal: mine.signal, patienceMs: 0, headers: { Accept: "text/event-stream" } });
    const reader = response.body.getReader();
    const lines = lineReader();
    const began = performance.now();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const line of lines(value)) {
        const piece = pieceOf(line);
        if (piece === null) return;
        if (!piece) continue;
        if (piece.text || piece.thoughts) putLast(server.id, (last) => ({ text: last.text + piece.text, thoughts: last.thoughts + piece.thoughts }));
        if (piece.tokens) put(server.id, (chat) => ({ ...chat, tokens: piece.tokens, seconds: (performance.now() - began) / 1000 }));
      }
    }
  }

  return {
    /** @param {string} id @param {string} draft */
    chatDraft: (id, draft) => put(id, (chat) => ({ ...chat, draft })),
    /** Say what stands in the box. @param {any} server */
    async chatSay(server) {
      const chat = store.get().chats.get(server.id) ?? NO_CHAT;
      const text = chat.draft.trim();
      if (!text || answering.has(server.id)) return;
      const mine = new AbortController();
      answering.set(server.id, mine);
      const said = [...chat.said, { role: "user", text, thoughts: "", error: "", stopped: false }];
      put(server.id, (before) => ({ ...before, draft: "", busy: true, tokens: null, said: [...said, { role: "assistant", text: "", thoughts: "", error: "", stopped: false }] }));
      try {
        await answer(server, /** @type {Said[]} */ (said), mine);
      } catch (error) {
        if (mine.signal.aborted) putLast(server.id, () => ({ stopped: true }));
        else putLast(server.id, () => ({ error: error instanceof Error ? error.message : String(error) }));
      } finally {
        answering.delete(server.id);
        put(server.id, (before) => ({ ...before, busy: false }));
      }
    },
    /** @param {string} id */
    chatStop: (id) => answering.get(id)?.abort(),
    /** @param {string} id */
    chatClear(id) {
      answering.get(id)?.abort();
      put(id, () => NO_CHAT);
    },
  };
}

export const NO_CHAT = { said: /** @type {Said[]} */ ([]), draft: "", busy: false, tokens: /** @type {number | null} */ (null), seconds: 0 };
