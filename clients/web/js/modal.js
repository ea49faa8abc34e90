// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * A part of the page as a native modal dialog; `createModals` opens it once it is there.
 * @param {{key: string, title: string, wide?: boolean, close: () => void}} what @param {...import("./dom.js").Child} children
 */
export function modal({ key, title, wide = false, close }, ...children) {
  return h(
    "dialog",
    {
      key,
      class: `modal${wide ? " wide" : ""}`,
      "aria-labelledby": `${key}-title`,
      "data-modal": true,
      oncancel: (/** @type {Event} */ event) => {
        if (event.target !== event.currentTarget) return; // a file that was not chosen after all
        event.preventDefault();
        close();
      },
      onclose: close,
      onpointerdown: (/** @type {PointerEvent} */ event) => event.target === event.currentTarget && close(),
    },
    h(
      "div",
      { class: "modal-body" },
      h("header", { class: "modal-head" }, h("h2", { id: `${key}-title`, tabindex: "-1", autofocus: true }, title), h("button", { type: "button", class: "button square plain", "aria-label": "Close", onclick: close }, icon("cross"))),
      children,
    ),
  );
}

/** A function to call after each rendering: it opens modal dialogs that are new, and gives the focus back when one is gone. */
export function createModals() {
  /** @type {Map<HTMLDialogElement, Element | null>} */
  const opened = new Map();
  return () => {
    for (const [dialog, opener] of opened) {
      if (dialog.isConnected) continue;
      opened.delete(dialog);
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    }
    for (const dialog of /** @type {NodeListOf<HTMLDialogElement>} */ (document.querySelectorAll("dialog[data-modal]"))) {
      if (dialog.open) continue;
      opened.set(dialog, document.activeElement);
      dialog.showModal();
    }
  };
}
