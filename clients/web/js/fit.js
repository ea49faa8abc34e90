// @ts-check
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { context } from "./text.js";

/** @type {Record<string, {word: string, icon: "check" | "warn" | "cross" | "question", tone: string}>} */
const VERDICTS = {
  compatible: { word: "Compatible", icon: "check", tone: "ok" },
  tight: { word: "Tight fit", icon: "warn", tone: "warn" },
  partial: { word: "Partly on GPU", icon: "warn", tone: "warn" },
  too_large: { word: "Too large", icon: "cross", tone: "bad" },
  unsupported: { word: "Not supported", icon: "cross", tone: "bad" },
  unknown: { word: "Unknown", icon: "question", tone: "plain" },
};

/** A verdict's word, drawing and tone; one from a newer daemon counts as unknown. @param {string} verdict */
export function verdictOf(verdict) {
  return VERDICTS[verdict] ?? VERDICTS.unknown;
}

/** The badge: drawing and word, the reason on pointing at it. @param {any} fit */
export function fitBadge(fit) {
  const verdict = verdictOf(fit.verdict);
  return h("span", { class: `badge ${verdict.tone}`, title: reasonOf(fit) }, icon(verdict.icon), h("span", null, verdict.word));
}

/** The reason in words, with the context length it assumes. @param {any} fit */
export function reasonOf(fit) {
  const reason = String(fit.reason ?? "").replace(/\.$/, "");
  const said = /^[a-z]+ /.test(reason) ? reason.charAt(0).toUpperCase() + reason.slice(1) : reason;
  const ctx = fit.assumes?.ctx;
  return ctx && !/context/i.test(said) ? `${said} (${context(ctx)} context)` : said;
}

/** Whether a download of this needs the person's word first. @param {any} fit */
export function isRefused(fit) {
  return fit?.verdict === "too_large" || fit?.verdict === "unsupported";
}

/** Why the version that is served is not for the programs here, and what they get instead. @param {{version: number, held_back: string | null, usable_version: number | null}} model */
export function heldReason({ version, held_back: why, usable_version: usable }) {
  return `Version ${version} is held back: ${why}${usable ? ` Version ${usable} is downloaded instead.` : ""}`;
}
