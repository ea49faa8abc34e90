// @ts-check
/** What of a list is shown: its words and its choices stand in the address, and mean what the daemon's lists mean by them. */
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} Choice
 * @property {"format" | "capability" | "state"} name
 * @property {string} word what is chosen
 * @property {string} all nothing is chosen
 * @property {(thing: any) => string[]} of a thing's values
 * @property {(value: string) => string} [shown] a value as people read it
 */

/** What a route chooses, or "". @param {any} route @param {Choice["name"]} name */
export function chosen(route, name) {
  return name === "state" ? (route.state ?? "") : (route.facets[name]?.[0] ?? "");
}

/** The things that have every word and every chosen value. @template T @param {T[]} things @param {any} route @param {(thing: T) => string} textOf @param {Choice[]} choices @returns {T[]} */
export function narrowed(things, route, textOf, choices) {
  const words = route.q.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = choices.map((choice) => /** @type {const} */ ([choice.of, chosen(route, choice.name)])).filter(([, value]) => value);
  return things.filter((thing) => {
    const text = textOf(thing).toLowerCase();
    return words.every((/** @type {string} */ word) => text.includes(word)) && wanted.every(([of, value]) => of(thing).includes(value));
  });
}

/** A select for each choice that there is, among two things and values at least, or that is made. @param {any} act @param {any} route @param {any[]} things all of them @param {Choice[]} choices */
export function choiceBoxes(act, route, things, choices) {
  return choices.map((choice) => {
    const value = chosen(route, choice.name);
    const values = [...new Set([...things.flatMap(choice.of), value].filter(Boolean))].sort();
    if ((values.length < 2 || things.length < 2) && !value) return null;
    return h(
      "span",
      { key: choice.name, class: "select sort" },
      h(
        "select",
        { "aria-label": choice.word, value, onchange: (/** @type {any} */ event) => act.go(withChoice(route, choice.name, event.currentTarget.value)) },
        h("option", { key: "", value: "" }, choice.all),
        values.map((one) => h("option", { key: one, value: one }, choice.shown?.(one) ?? one)),
      ),
      icon("chevron"),
    );
  });
}

/** The route with another choice. @param {any} route @param {Choice["name"]} name @param {string} value */
export function withChoice(route, name, value) {
  return name === "state" ? { ...route, state: value } : { ...route, facets: { ...route.facets, [name]: [value].filter(Boolean) } };
}
