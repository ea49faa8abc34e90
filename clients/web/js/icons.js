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
  info: "M12 4a8 8 0 100 16 8 8 0 000-16zM12 11v5M12 8v.1",
  lock: "M7 11h10v8.5H7zM9 11V8.5a3 3 0 016 0V11",
  grip: "M9 6.5v.1M15 6.5v.1M9 12v.1M15 12v.1M9 17.5v.1M15 17.5v.1",
  restart: "M5 12a7 7 0 102.2-5.1M5 4.5v4h4",
  chat: "M4.5 6h15v10.5h-8L7.5 20v-3.5h-3z",
  log: "M6 6.5h12M6 10.5h12M6 14.5h8M6 18.5h5",
  send: "M12 19V5.5M6.5 11L12 5.5l5.5 5.5",
  shield: "M12 3.8l7 2.6v5.2c0 4.2-2.9 7.2-7 8.6-4.1-1.4-7-4.4-7-8.6V6.4z",
  wrench: "M14.5 5.2a4.3 4.3 0 00-4.2 5.9l-5.6 5.6 2.6 2.6 5.6-5.6a4.3 4.3 0 005.9-4.2l-2.6 1.4-2.2-2.2z",
  folder: "M3.8 6.5h6l2 2.2h8.4v9.8H3.8z",
  gear: "M12 8.8a3.2 3.2 0 100 6.4 3.2 3.2 0 000-6.4zM12 3.5v2.6M12 17.9v2.6M3.5 12h2.6M17.9 12h2.6M6 6l1.8 1.8M16.2 16.2L18 18M18 6l-1.8 1.8M7.8 16.2L6 18",
  star: "M12 4.2l2.4 4.9 5.4.8-3.9 3.8.9 5.4-4.8-2.6-4.8 2.6.9-5.4-3.9-3.8 5.4-.8z",
  seal: "M12 2.8l2.3 1.7 2.9-.1.8 2.8 2.4 1.6-1 2.7 1 2.7-2.4 1.6-.8 2.8-2.9-.1L12 20.2l-2.3-1.7-2.9.1-.8-2.8-2.4-1.6 1-2.7-1-2.7L6 7.2l.8-2.8 2.9.1zM8.6 11.6l2.4 2.3 4.3-4.4",
};

/** A drawing beside words, hidden from screen readers. @param {keyof typeof PATHS} name */
export function icon(name) {
  return h("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, h("path", { d: PATHS[name] }));
}
