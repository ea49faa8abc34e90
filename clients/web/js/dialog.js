// @ts-check
import { h, mount } from "./dom.js";

/**
 * Ask in a native dialog; false when it is closed in any other way than by its button.
 * @param {{title: string, text: string, confirm: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, confirm, danger = false }) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "dialog-title");
    const close = (/** @type {string} */ answer) => () => dialog.close(answer);
    mount(dialog)(
      h("h2", { id: "dialog-title" }, title),
      h("p", null, text),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "button", autofocus: true, onclick: close("") }, "Keep as it is"),
        h("button", { type: "button", class: `button ${danger ? "danger" : "primary"}`, onclick: close("yes") }, confirm),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
