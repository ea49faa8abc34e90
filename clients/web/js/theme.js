// @ts-check
/**
 * Light or dark: as the system has it, as the person chose here, or as the application says that shows the page. It says
 * so by `?theme=dark` in the address, or by a message `{type: "modelhub.theme", theme: "dark"}` to the frame: only an
 * application that the configuration names can be the frame's parent, and a theme is all it can set.
 */

const KEY = "modelhub.theme";
export const THEMES = /** @type {const} */ (["system", "light", "dark"]);

/** The theme of a word, or null. @param {unknown} word */
export function themeOf(word) {
  return THEMES.find((theme) => theme === word) ?? null;
}

/** @param {Window} view @param {Storage} storage */
export function createTheme(view, storage) {
  const root = view.document.documentElement;
  let hosted = themeOf(new URLSearchParams(view.location.search).get("theme"));

  function show() {
    const theme = hosted ?? themeOf(storage.getItem(KEY)) ?? "system";
    if (theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    return theme;
  }

  view.addEventListener("message", (event) => {
    if (view.parent === view || event.source !== view.parent || event.data?.type !== "modelhub.theme") return;
    hosted = themeOf(event.data.theme) ?? hosted;
    show();
  });
  if (view.parent !== view) root.classList.add("embedded");
  show();
  return {
    get: () => themeOf(storage.getItem(KEY)) ?? "system",
    hosted: () => hosted !== null,
    /** @param {"system" | "light" | "dark"} theme */
    choose(theme) {
      storage.setItem(KEY, theme);
      hosted = null;
      show();
    },
  };
}
