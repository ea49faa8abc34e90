// @ts-check
import { h } from "./dom.js";

/** Paths of 24 by 24 drawings, stroked in the colour of the text around them. */
const PATHS = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  warn: "M12 4.2L21 19.5H3zM12 10v4.5M12 17v.1",
  cross: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  question: "M9.2 9.2a2.9 2.9 0 115 2c-1.2 1-2.2 1.4-2.2 2.9M12 17.3v.1",
  down: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  pause: "M9 6.5v11M15 6.5v11",
  play: "M8 5.5l10.5 6.5L8 18.5z",
  retry: "M19 12a7 7 0 11-2.2-5.1M19 4.5v4h-4",
  search: "M10.8 4.5a6.3 6.3 0 100 12.6 6.3 6.3 0 000-12.6zM15.5 15.5L20 20",
  trash: "M5 7h14M10 7V4.8h4V7M7 7l.8 12.2h8.4L17 7",
  filter: "M4 6.5h16M7 12h10M10 17.5h4",
  chevron: "M6.5 9.5l5.5 5.5 5.5-5.5",
  arrow: "M4.5 12h14M13.5 7l5 5-5 5",
  box: "M12 3.6l7.3 4.2v8.4L12 20.4l-7.3-4.2V7.8zM4.7 7.8L12 12l7.3-4.2M12 12v8.4",
  stop: "M7 7h10v10H7z",
  power: "M12 4v8M7.5 7.2a6.7 6.7 0 109 0",
  seal: "M12 2.8l2.3 1.7 2.9-.1.8 2.8 2.4 1.6-1 2.7 1 2.7-2.4 1.6-.8 2.8-2.9-.1L12 20.2l-2.3-1.7-2.9.1-.8-2.8-2.4-1.6 1-2.7-1-2.7L6 7.2l.8-2.8 2.9.1zM8.6 11.6l2.4 2.3 4.3-4.4",
};

/** A drawing beside words, hidden from screen readers. @param {keyof typeof PATHS} name */
export function icon(name) {
  return h("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, h("path", { d: PATHS[name] }));
}
