// @ts-check
import { h } from "./dom.js";
import { fitBadge, heldReason, isRefused, reasonOf } from "./fit.js";
import { icon } from "./icons.js";
import { downloadButtons, progressBar } from "./progress.js";
import { isEnded } from "./state.js";
import { bytes, context, count, formatName, licenseName, optionName, optionWord, parameters } from "./text.js";

/**
 * A model on the Browse tab.
 * @param {any} act what a person may do
 * @param {any} model a search result
 * @param {any} detail its options, once fetched
 * @param {string | undefined} chosen id of the option that was selected by hand
 * @param {any} download the one to show, if any
 * @param {ReadonlyMap<string, any> | undefined} installed artifacts of this model by option
 */
export function card(act, model, detail, chosen, download, installed) {
  const option = optionOf(model, detail, chosen, installed);
  const fit = fitOf(model, option);
  const ask = () => act.detail(model.id);
  const open = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    act.openDetails(model.id);
  };
  return h(
    "li",
    { class: "card", "data-model": model.id, onpointerenter: ask, onpointerdown: ask, onfocusin: ask },
    h(
      "header",
      null,
      h("div", { class: "who" }, h("h2", null, h("a", { class: "opens", href: `#/browse?model=${model.id}`, onclick: open }, model.display_name)), publisher(model)),
      fitBadge(fit),
    ),
    h("p", { class: "description" }, model.description ?? ""),
    h("ul", { class: "chips", "aria-label": "Capabilities" }, model.capabilities.map((/** @type {string} */ name) => h("li", { key: name }, name))),
    h("p", { class: "facts" }, facts(model).map((fact) => h("span", { key: fact }, fact))),
    h("p", { class: `reason ${model.refusal ? "too_large" : fit.verdict}` }, model.refusal ?? reasonOf(fit)),
    h("footer", { "data-focus-home": true }, foot(act, model, detail, option, download, installed)),
  );
}

/** @param {any} model */
function publisher(model) {
  return h(
    "p",
    { class: "publisher" },
    model.publisher,
    model.verified ? h("span", { class: "seal", title: "Verified", role: "img", "aria-label": "Verified" }, icon("seal")) : null,
    model.source === "local" ? h("span", { class: "origin" }, "local entry") : null,
    model.held_back ? h("span", { class: "origin", title: heldReason(model) }, model.usable_version ? `version ${model.usable_version} for now` : "held back") : null,
  );
}

/** @param {any} model @returns {string[]} */
export function facts(model) {
  const active = model.active_parameters && model.active_parameters !== model.parameters ? ` (${parameters(model.active_parameters)} active)` : "";
  return [
    model.parameters ? parameters(model.parameters) + active : null,
    model.context_length ? `${context(model.context_length)} context` : null,
    licenseName(model.license),
    model.counters?.downloads ? `${count(model.counters.downloads)} downloads` : null,
  ].filter((fact) => fact !== null);
}

/** The option that the card speaks of: the selected, else an installed one, else the best, else the one that the
 * search has judged.
 * @param {any} model @param {any} detail @param {string | undefined} chosen @param {ReadonlyMap<string, any> | undefined} installed */
export function optionOf(model, detail, chosen, installed) {
  const options = detail?.options ?? [];
  const wanted = chosen ?? installed?.keys().next().value ?? model.best_option;
  if (wanted) return options.find((/** @type {any} */ option) => option.id === wanted) ?? null;
  return options.find((/** @type {any} */ option) => option.size_bytes === model.size_bytes && option.fit.verdict === model.fit.verdict) ?? options[0] ?? null;
}

/** The search is newer than the options fetched once, so it has the word on the option it speaks of. @param {any} model @param {any} option */
function fitOf(model, option) {
  return option && option.id !== model.best_option ? option.fit : model.fit;
}

/** @param {any} act @param {any} model @param {any} detail @param {any} option @param {any} download @param {ReadonlyMap<string, any> | undefined} installed */
function foot(act, model, detail, option, download, installed) {
  const name = model.display_name;
  if (download && download.state === "failed") {
    return [h("p", { key: "failed", class: "failed", title: download.error?.detail }, icon("warn"), h("span", null, download.error?.detail ?? "The download failed.")), downloadButtons(act, download, name)];
  }
  if (download && !isEnded(download)) return [progressBar(download, name), downloadButtons(act, download, name)];
  const id = option?.id ?? installed?.keys().next().value ?? model.best_option;
  const here = id ? installed?.get(id) : undefined;
  return [optionSelect(act, model, detail, option, id), here ? openButton(model, name) : getButton(act, model, option, id)];
}

/** @param {any} act @param {any} model @param {any} detail @param {any} option @param {string | null | undefined} id */
function optionSelect(act, model, detail, option, id) {
  const options = detail
    ? detail.options.map((/** @type {any} */ one) => h("option", { key: one.id, value: one.id }, `${optionName(one)} — ${bytes(one.size_bytes)}${one.unverified ? " · no checksum" : ""}`))
    : [h("option", { key: "best", value: id ?? "" }, `${id ? optionWord(id) : model.formats.map(formatName).join(", ")} — ${bytes(model.size_bytes)}`)];
  return h(
    "span",
    { key: "select", class: "select" },
    h(
      "select",
      { "aria-label": `Option of ${model.display_name}`, value: option?.id ?? id ?? "", onchange: (/** @type {any} */ event) => act.choose(model.id, event.currentTarget.value) },
      options,
    ),
    icon("chevron"),
  );
}

/** @param {any} act @param {any} model @param {any} option @param {string | null | undefined} id */
function getButton(act, model, option, id) {
  const refused = isRefused(fitOf(model, option));
  return h(
    "button",
    {
      key: "get",
      type: "button",
      class: `button ${refused || !model.allowed ? "" : "primary"}`,
      disabled: !model.allowed,
      "aria-label": `Download ${model.display_name}${refused ? " anyway" : ""}`,
      onclick: () => act.get(model, id ?? null, fitOf(model, option)),
    },
    icon("down"),
    "Download",
  );
}

/** @param {any} model @param {string} name */
function openButton(model, name) {
  return h("a", { key: "open", class: "button installed", href: `#/installed?q=${encodeURIComponent(model.id)}`, "aria-label": `${name} is installed: show it` }, icon("check"), "Installed");
}
