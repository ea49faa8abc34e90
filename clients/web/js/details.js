// @ts-check
import { h } from "./dom.js";
import { fitBadge, heldReason, isRefused, reasonOf } from "./fit.js";
import { icon } from "./icons.js";
import { modal } from "./modal.js";
import { noticeList } from "./notices.js";
import { bytes, context, count, day, licenseName, optionName, parameters, plural } from "./text.js";

/** @typedef {import("../types/daemon").ModelDetail} ModelDetail */
/** @typedef {import("../types/daemon").JudgedOption} JudgedOption */

/** Everything about a model. @param {any} act @param {string} id @param {ModelDetail | undefined} detail @param {ReadonlyMap<string, any> | undefined} installed by option @param {any} download under way, if any @param {any} catalog @param {boolean} starred from this tab @param {{why: string, again: boolean} | undefined} absent why there is no detail @param {any[]} notices */
export function details(act, id, detail, installed, download, catalog, starred, absent, notices) {
  const frame = { key: "details", title: detail?.display_name ?? id, wide: true, close: act.closeDetails, notices: noticeList(act, notices) };
  if (!detail) return modal(frame, absent ? missing(act, id, absent) : h("p", { key: "wait", class: "from", role: "status" }, "Reading…"));
  return modal(
    frame,
    h(
      "div",
      { class: "modal-sub" },
      h("span", null, detail.publisher),
      detail.verified ? h("span", { class: "seal", title: "Verified", role: "img", "aria-label": "Verified" }, icon("seal")) : null,
      h("code", null, detail.id),
      fitBadge(detail.fit),
      catalog?.source === "registry" ? h("button", { key: "star", type: "button", class: "button small", "aria-pressed": String(starred), onclick: () => act.star(detail.id, !starred) }, icon("star"), starred ? "Starred" : "Star") : null,
    ),
    detail.refusal ? h("p", { key: "refusal", class: "trouble" }, icon("shield"), h("span", null, detail.refusal)) : null,
    detail.held_back ? h("p", { key: "held", class: "note" }, icon("info"), h("span", null, heldReason(detail))) : null,
    detail.description ? h("p", { class: "whole-description" }, detail.description) : null,
    h("ul", { class: "chips", "aria-label": "Capabilities" }, detail.capabilities.map((name) => h("li", { key: name }, name))),
    section("Options", options(act, detail, installed, download)),
    section("About", h("dl", { class: "pairs" }, about(detail).map(([word, what]) => h("div", { key: word }, h("dt", null, word), h("dd", null, what))))),
    requirements(detail),
    section("Versions", versions(detail, installed)),
  );
}

/** Nothing is known of it: why, and where to go. @param {any} act @param {string} id @param {{why: string, again: boolean}} absent */
function missing(act, id, { why, again }) {
  return [
    h("p", { key: "absent", class: "trouble", role: "alert" }, icon("warn"), h("span", null, why)),
    h("div", { key: "buttons", class: "panel-buttons" }, again ? h("button", { type: "button", class: "button", onclick: () => act.detail(id) }, icon("retry"), "Try again") : h("a", { class: "button", href: `#/installed?q=${encodeURIComponent(id)}` }, "What is installed of it")),
  ];
}

/** @param {string} title @param {any} content */
function section(title, content) {
  return h("section", { key: title, class: "part" }, h("h3", null, title), content);
}

/** @param {any} act @param {ModelDetail} detail @param {ReadonlyMap<string, any> | undefined} installed @param {any} download */
function options(act, detail, installed, download) {
  return h(
    "ul",
    { class: "options" },
    detail.options.map((option) =>
      h(
        "li",
        { key: option.id, "data-option": option.id },
        h("div", { class: "option-name" }, h("strong", null, optionName(option)), h("span", null, bytes(option.size_bytes))),
        h("div", { class: "option-fit" }, fitBadge(option.fit), h("p", { class: `reason ${option.fit.verdict}` }, reasonOf(option.fit)), assumed(option), option.unverified ? h("p", { class: "reason tight" }, "No checksum is stated for it.") : null, option.refusal ? h("p", { class: "reason too_large" }, option.refusal) : null),
        optionButton(act, detail, option, installed, download),
      ),
    ),
  );
}

/** What the verdict assumes. @param {JudgedOption} option */
function assumed({ fit }) {
  if (!fit.assumes) return null;
  const memory = fit.needed_bytes !== null && fit.available_bytes !== null ? `${bytes(fit.needed_bytes)} of ${bytes(fit.available_bytes)}, ` : "";
  return h("p", { class: "from" }, `${memory}with ${context(fit.assumes.ctx)} of context and a KV cache in ${fit.assumes.kv_type}`);
}

/** @param {any} act @param {ModelDetail} detail @param {JudgedOption} option @param {ReadonlyMap<string, any> | undefined} installed @param {any} download */
function optionButton(act, detail, option, installed, download) {
  if (installed?.has(option.id)) return h("a", { key: "here", class: "button installed", href: `#/installed?q=${encodeURIComponent(detail.id)}` }, icon("check"), "Installed");
  if (download && download.option === option.id && download.state !== "failed") return h("a", { key: "coming", class: "button", href: "#/downloads" }, "Downloading");
  return h("button", { key: "get", type: "button", class: `button${isRefused(option.fit) ? "" : " primary"}`, disabled: !option.allowed, "aria-label": `Download ${detail.display_name}, ${optionName(option)}`, onclick: () => act.get(detail, option.id, option.fit) }, icon("down"), "Download");
}

/** @param {ModelDetail} detail @returns {[string, any][]} */
function about(detail) {
  const { architecture, license } = detail;
  const name = licenseName(license);
  /** @type {[string, any][]} */
  const pairs = [
    ["Parameters", detail.parameters ? parameters(detail.parameters) + (detail.active_parameters && detail.active_parameters !== detail.parameters ? ` (${parameters(detail.active_parameters)} active)` : "") : null],
    ["Context", detail.context_length ? `${context(detail.context_length)} (${detail.context_length.toLocaleString("en")} tokens)` : null],
    ["Licence", name ? [license.url ? h("a", { href: license.url, rel: "noreferrer", target: "_blank" }, name) : name, license.commercial === false ? " · not for commercial use" : "", license.gated ? " · asks for consent at its source" : ""] : "not stated"],
    ["Architecture", architecture.family ? `${architecture.family}${architecture.n_layers ? `, ${plural(architecture.n_layers, "layer")}` : ""}${architecture.n_experts ? `, ${plural(architecture.n_experts, "expert")}` : ""}` : null],
    ["Made from", detail.base_model],
    ["Home page", detail.homepage ? h("a", { href: detail.homepage, rel: "noreferrer", target: "_blank" }, detail.homepage.replace(/^https?:\/\//, "")) : null],
    ["Tags", detail.tags.length ? detail.tags.join(", ") : null],
    ["Downloads", detail.counters.downloads ? count(detail.counters.downloads) : null],
    ["Stars", detail.counters.stars ? count(detail.counters.stars) : null],
    ["Listed by", { floor: "Model Hub's own catalog", registry: "the organisation's registry", local: "an entry on this computer" }[detail.source] ?? detail.source],
    ["Published", detail.published_at ? `${day(detail.published_at)}${detail.published_by ? ` by ${detail.published_by}` : ""}` : null],
  ];
  return pairs.filter(([, what]) => what !== null && what !== undefined);
}

/** @param {ModelDetail} detail */
function requirements({ requires, hardware }) {
  const lines = [
    requires.daemon ? `Model Hub ${requires.daemon}` : null,
    requires.llama_server ? `llama-server ${requires.llama_server}` : null,
    ...Object.entries(requires.app).map(([app, versions]) => `${app} ${versions}`),
    hardware.min_ram_bytes ? `at least ${bytes(hardware.min_ram_bytes)} of memory` : null,
    hardware.recommended_ram_bytes ? `better with ${bytes(hardware.recommended_ram_bytes)} of memory` : null,
    hardware.os.length ? `runs on ${hardware.os.join(", ")}` : null,
    hardware.arch.length ? `for ${hardware.arch.join(", ")}` : null,
  ].filter((line) => line !== null);
  return lines.length ? section("Requirements", h("ul", { class: "lines" }, lines.map((line) => h("li", { key: line }, line)))) : null;
}

/** @param {ModelDetail} detail @param {ReadonlyMap<string, any> | undefined} installed */
function versions(detail, installed) {
  const here = new Set([...detail.installed_versions, ...[...(installed?.values() ?? [])].map((artifact) => artifact.version)]);
  const known = detail.versions.length ? detail.versions : [{ version: detail.version, published_at: detail.published_at, published_by: detail.published_by, notes: null }];
  return h(
    "ol",
    { class: "versions" },
    known.map((one) =>
      h(
        "li",
        { key: one.version },
        h("p", null, h("strong", null, `Version ${one.version}`), here.has(one.version) ? h("span", { class: "origin" }, "installed") : null, h("span", { class: "from" }, [day(one.published_at), one.published_by].filter(Boolean).join(" · "))),
        one.notes ? h("p", { class: "note-text" }, one.notes) : null,
      ),
    ),
  );
}
