// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * A part of the page as a native modal dialog; `createModals` opens it once it is there.
 * @param {{key: string, title: string, wide?: boolean, close: () => void, notices?: import("./dom.js").Child}} what @param {...import("./dom.js").Child} children
 */
export function modal({ key, title, wide = false, close, notices = null }, ...children) {
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
      onpointerdown: (/** @type {PointerEvent} */ event) => isBeside(event) && close(),
    },
    h(
      "div",
      { class: "modal-body" },
      h("header", { class: "modal-head" }, h("h2", { id: `${key}-title`, tabindex: "-1", autofocus: true }, title), h("button", { type: "button", class: "button square plain", "aria-label": "Close", onclick: close }, icon("cross"))),
      notices,
      children,
    ),
  );
}

/** Whether a dialog is pressed beside it: what is pressed of itself is its edge or its scroll bar. @param {PointerEvent} event */
function isBeside({ target, currentTarget, clientX: x, clientY: y }) {
  if (target !== currentTarget) return false;
  const { left, right, top, bottom } = /** @type {Element} */ (target).getBoundingClientRect();
  return x < left || x > right || y < top || y > bottom;
}

/** A function to call after each rendering: it opens modal dialogs that are new, and gives the focus back when one is gone: to its opener, or to what stands there now. */
export function createModals() {
  /** @type {Map<HTMLDialogElement, {opener: Element | null, home: Element | null}>} */
  const opened = new Map();
  return () => {
    for (const [dialog, { opener, home }] of opened) {
      if (dialog.isConnected) continue;
      opened.delete(dialog);
      const next = opener?.isConnected ? opener : home?.isConnected ? home.querySelector("button:enabled, a[href]") : null;
      if (next instanceof HTMLElement) next.focus();
    }
    for (const dialog of /** @type {NodeListOf<HTMLDialogElement>} */ (document.querySelectorAll("dialog[data-modal]"))) {
      if (dialog.open) continue;
      const opener = document.activeElement;
      opened.set(dialog, { opener, home: opener?.closest("[data-focus-home]") ?? null });
      dialog.showModal();
    }
  };
}
