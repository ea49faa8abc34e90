// @ts-check
import { h } from "../../js/dom.js";
import { plural } from "../../js/text.js";
import { UNKNOWN } from "./data.js";
import { badge, button, definitions, empty, heading, link, moment, panel, showMore, waiting } from "./pieces.js";
import { can } from "./rights.js";
import { address, path } from "./routes.js";

const LIST = "/publishers?limit=100";

/** @param {any} route */
export function needs(route) {
  return [{ path: route.parts[0] ? path("publishers", route.parts[0]) : LIST }];
}

/** @param {{status: string}} publisher */
function standing({ status }) {
  return status === "active" ? badge("ok", "check", "Active") : badge("bad", "pause", "Suspended");
}

/** Whose names models bear. @param {any} act @param {any} value */
export function publishers(act, value) {
  const known = value.data.get(LIST) ?? UNKNOWN;
  const add = can(value.me, "admin") ? button("New publisher", () => act.newPublisher(), { tone: "primary" }) : null;
  return [
    heading("Publishers", add),
    known.value === null ? waiting(act, known) : h("p", { key: "summary", class: "summary", role: "status" }, plural(known.value.total, "publisher")),
    known.value?.items.length === 0 ? empty("box", "No publisher yet.") : null,
    h("ul", { key: "tiles", class: "tiles" }, known.value?.items.map(tile)),
    known.value ? showMore(act, LIST, known.value, "publishers") : null,
  ];
}

/** @param {any} publisher */
function tile(publisher) {
  const good = publisher.keys.filter((/** @type {any} */ key) => !key.revoked_at).length;
  return h(
    "li",
    { key: publisher.name, class: "tile linked", "data-publisher": publisher.name },
    h("div", { class: "title-line" }, h("h2", null, h("a", { href: address("publishers", [publisher.name]) }, publisher.display_name)), standing(publisher)),
    h("p", { class: "facts" }, h("span", { key: "name" }, publisher.name), h("span", { key: "keys" }, good ? plural(good, "key") : "no key"), h("span", { key: "since" }, "since ", moment(publisher.created_at))),
  );
}

/** One publisher and its keys. @param {any} act @param {any} value */
export function publisher(act, value) {
  const [name] = value.route.parts;
  const known = value.data.get(path("publishers", name)) ?? UNKNOWN;
  const back = h("p", { key: "back", class: "trail" }, link("#/publishers", "Publishers"));
  if (known.value === null) return [back, heading(name), waiting(act, known)];
  const found = known.value;
  const may = can(value.me, "admin");
  const active = found.status === "active";
  return [
    back,
    heading(found.display_name, standing(found)),
    h(
      "div",
      { key: "split", class: "split" },
      h(
        "div",
        { class: "split-main" },
        panel(
          "Keys",
          may ? button("Add a key", () => act.addKey(found), { drawing: "down" }) : null,
          found.keys.length ? h("ul", { class: "list-lines keys" }, found.keys.map((/** @type {any} */ key) => keyLine(act, found, key, may))) : h("p", { class: "hint" }, "It has no key. Machines whose policy asks for signatures refuse its models."),
        ),
      ),
      h(
        "aside",
        { class: "split-side" },
        panel(
          "Publisher",
          null,
          definitions([["Name", h("code", null, found.name)], ["Since", moment(found.created_at)]]),
          h("div", { class: "buttons even" }, h("a", { key: "models", class: "button", href: address("models", [], { publisher: found.name }) }, "Its models"), may ? button(active ? "Suspend" : "Make active", () => act.changePublisher(found), { drawing: active ? "pause" : "play" }) : null),
        ),
      ),
    ),
  ];
}

/** @param {any} act @param {any} found @param {any} key @param {boolean} may */
function keyLine(act, found, key, may) {
  return h(
    "li",
    { key: key.key_id },
    h("div", { class: "key" }, h("code", null, key.key_id), h("span", { class: "hint" }, "Public key ", h("code", null, key.public_key))),
    key.revoked_at ? badge("bad", "cross", "Revoked") : badge("ok", "check", "Good"),
    may && !key.revoked_at ? button("Revoke", () => act.revokeKey(found, key), { label: `Revoke the key ${key.key_id.slice(0, 8)}` }) : null,
  );
}
