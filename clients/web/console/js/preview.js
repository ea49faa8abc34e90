// @ts-check
import { h } from "../../js/dom.js";
import { icon } from "../../js/icons.js";
import { plural } from "../../js/text.js";
import { complianceBadge } from "./pieces.js";

/** Badges before and after a change, the moving ones first. @param {import("./verification.js").Move[]} moves */
export function previewed(moves) {
  if (moves.length === 0) return h("p", { key: "none", class: "calm" }, "No template uses it: no badge moves.");
  const sorted = [...moves].sort((a, b) => Number(a.before === a.after) - Number(b.before === b.after));
  const moving = moves.filter((move) => move.before !== move.after).length;
  return h(
    "div",
    { key: "moves", class: "moves" },
    h("p", null, moving ? `${plural(moving, "badge moves", "badges move")}, in the same moment in every open console:` : "Templates that use it keep their badges:"),
    h(
      "ul",
      { class: "list-lines" },
      sorted.map((move) =>
        h(
          "li",
          { key: move.id, "data-move": move.id },
          h("span", null, move.name),
          h("span", { class: "move" }, h("span", { class: "unseen" }, "now "), complianceBadge(move.before), move.before === move.after ? h("span", { key: "same", class: "hint" }, "stays") : [h("span", { key: "arrow", class: "arrow" }, icon("arrow"), h("span", { class: "unseen" }, "then ")), complianceBadge(move.after)]),
        ),
      ),
    ),
  );
}
