// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** What was done or refused; inside the dialog where one stands open, for all else is out of reach then. @param {any} act @param {{id: number, tone: string, text: string}[]} list */
export function noticeList(act, list) {
  return h(
    "div",
    { key: "notices", class: "notices", role: "log", "aria-label": "Messages" },
    list.map((notice) =>
      h(
        "div",
        { key: notice.id, class: `notice ${notice.tone}`, role: notice.tone === "bad" ? "alert" : null },
        icon(notice.tone === "bad" ? "warn" : "check"),
        h("p", null, notice.text),
        h("button", { type: "button", class: "button square plain", "aria-label": "Close this message", onclick: () => act.dismiss(notice.id) }, icon("cross")),
      ),
    ),
  );
}
