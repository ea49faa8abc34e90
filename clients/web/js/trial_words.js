// @ts-check
/** Trials in words and figures. Values in, values out. */
import { percent, seconds } from "./activity_figures.js";
import { count, modelParts, optionWord, plural } from "./text.js";

/** @typedef {import("../types/daemon").Trial} Trial */
/** @typedef {import("../types/daemon").Comparison} Comparison */
/** @typedef {import("../types/daemon").Share} Share */

/** @type {Record<string, {word: string, tone: string, icon: "play" | "pause" | "check"}>} */
export const STATES = {
  running: { word: "Running", tone: "ok", icon: "play" },
  paused: { word: "Paused", tone: "warn", icon: "pause" },
  promoted: { word: "Promoted", tone: "plain", icon: "check" },
};
/** What may be said of the candidate; the word never goes without its sign. @type {Record<string, {word: string, tone: string, icon: "check" | "warn" | "question" | "pause"}>} */
export const VERDICTS = {
  better: { word: "Better", tone: "ok", icon: "check" },
  worse: { word: "Worse", tone: "bad", icon: "warn" },
  no_difference_shown: { word: "No difference shown", tone: "plain", icon: "pause" },
  not_enough: { word: "Not enough pairs", tone: "plain", icon: "question" },
};
/** @type {Record<string, string>} */
const FIGURES = { latency_s: "Time to the end", ttft_s: "Time to the first token", tokens_per_s: "Speed", completion_tokens: "Tokens written", confidence: "Confidence", preference: "Preferred by people", similarity: "Similarity" };

/** `Zebra, version 2 · GGUF Q8_0`, by the name people know where there is one. @param {{model: string, version: number, option: string}} one @param {ReadonlyMap<string, string>} [names] */
export function modelWords({ model, version, option }, names) {
  return `${names?.get(model) ?? modelParts(model)[1]}, version ${version} · ${optionWord(option)}`;
}

/** @param {string} figure */
export function figureWord(figure) {
  if (figure.startsWith("check:")) return `Passes “${figure.slice("check:".length)}”`;
  return FIGURES[figure] ?? figure;
}

/** A mean of one of the two, in the figure's unit. @param {Comparison} comparison @param {number | null} value */
export function valueWords({ figure, kind }, value) {
  if (value === null) return "–";
  if (kind === "wins") return plural(Math.round(value), "win");
  if (figure.endsWith("_s") && figure !== "tokens_per_s") return seconds(value);
  if (figure === "tokens_per_s") return `${value.toFixed(1)} tokens/s`;
  if (figure.endsWith("_tokens")) return plural(Math.round(value), "token");
  return value.toFixed(3);
}

/** One end of an interval, or the estimate itself. @param {Comparison} comparison @param {number} value */
export function estimateWords({ kind, figure }, value) {
  if (kind === "ratio" && value >= 3) return `${value < 9.95 ? value.toFixed(1) : count(Math.round(value))} times`;
  if (kind === "ratio") return `${signed(100 * (value - 1), Math.abs(value - 1) < 0.0995 ? 1 : 0)} %`;
  if (kind === "wins") return percent(value);
  if (figure.endsWith("_s") && figure !== "tokens_per_s") return `${signed(value, 2)} s`;
  return signed(value, Math.abs(value) < 10 ? 3 : 0);
}

/** @param {number} value @param {number} digits */
function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
}

/** `+12 % (+4 % to +21 %)`. @param {Comparison} comparison */
export function intervalWords(comparison) {
  const { estimate, interval } = comparison;
  if (estimate === null) return "–";
  const middle = estimateWords(comparison, estimate);
  return interval ? `${middle} (${estimateWords(comparison, interval.low)} to ${estimateWords(comparison, interval.high)})` : middle;
}

/** How many more pairs a verdict needs. @param {Comparison} comparison */
export function neededWords({ verdict, needed }) {
  if (verdict === "better" || verdict === "worse") return "none";
  if (needed === null) return "cannot be foretold";
  return needed === 0 ? "none" : `about ${needed < 1000 ? needed : count(needed)}`;
}

/** `12 of 40: 30 % (18 % to 45 %)`. @param {Share} share */
export function shareWords({ count: found, of, share, interval }) {
  if (!of || share === null) return "no pair yet";
  const range = interval ? ` (${percent(interval.low)} to ${percent(interval.high)})` : "";
  return `${found.toLocaleString("en")} of ${of.toLocaleString("en")}: ${percent(share)}${range}`;
}

/** @param {Trial} trial @returns {string[]} */
export function countWords({ counts, sample, when, keep }) {
  const { pairs = 0, failed = 0, pending = 0, skipped = 0, marked = 0 } = counts ?? {};
  return [
    plural(pairs, "pair"),
    pending ? `${pending.toLocaleString("en")} waiting` : "",
    failed ? `${failed.toLocaleString("en")} without an answer` : "",
    skipped ? `${skipped.toLocaleString("en")} left out` : "",
    marked ? `${marked.toLocaleString("en")} marked` : "",
    sample < 1 ? `${percent(sample)} of requests` : "every request",
    when === "parallel" ? "beside the active model" : "when the machine is idle",
    keep ? `content of up to ${plural(keep, "pair")} kept` : "no content kept",
  ].filter(Boolean);
}

/** What a draft of the start form asks for, or what is wrong with it, by field. @param {Record<string, string>} draft @returns {{body: Record<string, any>, faults: Record<string, string>}} */
export function startOf({ active, candidate, sample, when, keep, pending, pairs, checks }) {
  /** @type {Record<string, string>} */
  const faults = {};
  const whole = (/** @type {string} */ name, /** @type {string} */ text, /** @type {number} */ least, /** @type {number} */ most) => {
    const number = Number(text);
    if (!/^\d+$/.test(text.trim()) || number < least || number > most) faults[name] = `Write a whole number from ${least} to ${most.toLocaleString("en")}.`;
    return number;
  };
  if (!active) faults.active = "Choose who answers.";
  if (!candidate) faults.candidate = "Choose who is tried.";
  else if (candidate === active) faults.candidate = "Choose another one than the active model.";
  const body = { active, candidate, sample: whole("sample", sample, 1, 100) / 100, when, keep: whole("keep", keep, 0, 10_000), max_pending: whole("max_pending", pending, 1, 10_000), max_pairs: whole("max_pairs", pairs, 1, 10_000), checks: checks.trim() ? checks : "" };
  return { body, faults };
}

/** The key of a blind mark, if it is one. @param {{key: string, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean}} event @returns {"first" | "second" | "tie" | "both_bad" | null} */
export function markOf({ key, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return null;
  const keys = /** @type {Record<string, "first" | "second" | "tie" | "both_bad">} */ ({ 1: "first", 2: "second", 3: "tie", 4: "both_bad", ArrowLeft: "first", ArrowRight: "second" });
  return Object.hasOwn(keys, key) ? keys[key] : null;
}
