// @ts-check
import { NO_CHAT } from "./chatting.js";
import { h, lazy } from "./dom.js";
import { icon } from "./icons.js";

/** A small box to try a running model in. @param {any} act @param {any} server @param {typeof NO_CHAT} chat @param {string} title */
export function chatPane(act, server, chat, title) {
  /** The box is emptied here: where it was typed and sent within a frame, nothing that was drawn is another. @param {HTMLTextAreaElement} box */
  const say = (box) => {
    act.chatSay(server);
    if (!chat.busy) box.value = "";
  };
  return h(
    "section",
    { key: "try", class: "pane chat", "aria-label": `Try ${title}` },
    h(
      "div",
      { class: "said", role: "log", tabindex: "0", "data-stick": true, "aria-busy": String(chat.busy), "aria-label": "Conversation" },
      chat.said.length ? null : h("p", { key: "hint", class: "from" }, "What is said here stays in this tab."),
      chat.said.map((one, at) => lazy(at, message, one, chat.busy && at === chat.said.length - 1)),
    ),
    chat.tokens && !chat.busy ? h("p", { key: "figures", class: "from" }, `${chat.tokens} tokens in ${chat.seconds.toFixed(1)} s${chat.seconds > 0.05 ? ` · ${(chat.tokens / chat.seconds).toFixed(1)} a second` : ""}`) : null,
    h(
      "form",
      {
        class: "say",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          say(/** @type {any} */ (event.currentTarget).querySelector("textarea"));
        },
      },
      h("textarea", {
        "aria-label": `Message to ${title}`,
        placeholder: "Say something",
        rows: "2",
        value: chat.draft,
        oninput: (/** @type {any} */ event) => act.chatDraft(server.id, event.currentTarget.value),
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          say(/** @type {any} */ (event.currentTarget));
        },
      }),
      h(
        "span",
        { class: "say-buttons", "data-focus-home": true },
        chat.busy
          ? h("button", { key: "stop", type: "button", class: "button", onclick: () => act.chatStop(server.id) }, icon("stop"), "Stop")
          : h("button", { key: "send", type: "submit", class: "button primary", disabled: !chat.draft.trim() }, icon("send"), "Send"),
        chat.said.length ? h("button", { key: "clear", type: "button", class: "button plain", onclick: () => act.chatClear(server.id) }, "Begin anew") : null,
      ),
    ),
  );
}

/** @param {import("./chatting.js").Said} one @param {boolean} coming */
function message(one, coming) {
  const mine = one.role === "user";
  return h(
    "article",
    { class: `message ${one.role}` },
    h("h4", { class: "unseen" }, mine ? "You" : "The model"),
    one.thoughts ? h("details", { key: "thoughts", class: "thoughts", open: true }, h("summary", null, coming && !one.text ? "Thinking…" : "Its thoughts"), h("p", null, one.thoughts)) : null,
    one.text ? h("p", { key: "text", class: "text" }, one.text) : null,
    coming && !one.text && !one.thoughts ? h("p", { key: "wait", class: "from" }, "…") : null,
    one.stopped ? h("p", { key: "stopped", class: "from" }, "Stopped.") : null,
    one.error ? h("p", { key: "error", class: "trouble" }, icon("warn"), h("span", null, one.error)) : null,
  );
}
