// @ts-check
/** The fields of the Load form, and what was typed into them as settings. Pure. */

/**
 * @typedef {object} Field
 * @property {string} name as the API names it
 * @property {string} word
 * @property {"number" | "choice" | "switch" | "layers"} kind
 * @property {string} hint
 * @property {number} [min]
 * @property {number} [max]
 * @property {number} [step]
 * @property {string[]} [choices]
 * @property {boolean} [further] shown under "More settings"
 */

const KV_TYPES = ["f16", "bf16", "f32", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"];
const SWITCH = ["auto", "on", "off"];

/** @type {Field[]} */
export const FIELDS = [
  { name: "ctx", word: "Context length", kind: "number", min: 0, max: 16_777_216, step: 1024, hint: "Tokens; 0: the model's own" },
  { name: "gpu_layers", word: "Layers on the GPU", kind: "layers", hint: "auto, all, or a number" },
  { name: "reasoning", word: "Reasoning", kind: "choice", choices: SWITCH, hint: "To think before it answers" },
  { name: "ttl_s", word: "Unload when idle", kind: "number", min: -1, step: 60, hint: "Seconds; -1 is never" },
  { name: "flash_attention", word: "Flash attention", kind: "choice", choices: SWITCH, hint: "Saves memory" },
  { name: "kv_type_k", word: "KV cache, keys", kind: "choice", choices: KV_TYPES, hint: "Fewer bits, less memory" },
  { name: "kv_type_v", word: "KV cache, values", kind: "choice", choices: KV_TYPES, hint: "Below f16: flash attention" },
  { name: "threads", word: "Threads", kind: "number", min: 1, max: 1024, step: 1, hint: "Of the processor", further: true },
  { name: "parallel", word: "Requests at a time", kind: "number", min: 1, max: 256, step: 1, hint: "They share the context" },
  { name: "batch", word: "Batch", kind: "number", min: 1, max: 65_536, step: 1, hint: "Tokens read at once", further: true },
  { name: "reasoning_budget", word: "Reasoning budget", kind: "number", min: -1, max: 1_000_000, step: 256, hint: "Tokens; -1 is without a limit", further: true },
  { name: "seed", word: "Seed", kind: "number", min: 0, max: 4_294_967_295, step: 1, hint: "The same one answers the same", further: true },
  { name: "mmap", word: "Map the file", kind: "switch", hint: "Starts sooner, reads as needed", further: true },
  { name: "mlock", word: "Keep in memory", kind: "switch", hint: "Nothing of it is swapped out", further: true },
];

/** @type {Record<string, string>} */
const ORIGINS = {
  default: "default",
  administrator: "set by the administrator",
  file: "from config.toml",
  environment: "from the environment",
  argument: "from the command line",
  model: "recommended for this model",
  saved: "saved for this model",
  load: "for this load",
};

/** Where a value comes from, in words. @param {string} origin */
export function originWord(origin) {
  return ORIGINS[origin] ?? origin;
}

/** A value as the form shows it. @param {any} value */
export function shownValue(value) {
  if (value === true) return "on";
  if (value === false) return "off";
  return value === null || value === undefined ? "automatic" : String(value);
}

/**
 * The settings that a draft asks for, and per field what is wrong with what was typed.
 * @param {Record<string, string>} draft text by field; an empty one asks for nothing
 * @returns {{settings: Record<string, any>, faults: Record<string, string>}}
 */
export function settingsOf(draft) {
  /** @type {Record<string, any>} */
  const settings = {};
  /** @type {Record<string, string>} */
  const faults = {};
  for (const field of FIELDS) {
    const text = (draft[field.name] ?? "").trim();
    if (!text) continue;
    if (field.kind === "choice") settings[field.name] = text;
    else if (field.kind === "switch") settings[field.name] = text === "on";
    else if (field.kind === "layers" && (text === "auto" || text === "all")) settings[field.name] = text;
    else if (!/^-?\d{1,10}$/.test(text)) faults[field.name] = field.kind === "layers" ? "Write auto, all or a number." : "Write a whole number.";
    else if (Number(text) < (field.min ?? 0)) faults[field.name] = `Use ${field.min ?? 0} or more.`;
    else if (field.max !== undefined && Number(text) > field.max) faults[field.name] = `Use ${field.max} or less.`;
    else settings[field.name] = Number(text);
  }
  return { settings, faults };
}

/** What the daemon refuses, per field; what is about none stands under "". @param {{message: string, errors?: {pointer: string, detail: string}[]}} problem */
export function faultsOf(problem) {
  /** @type {Record<string, string>} */
  const faults = {};
  for (const { pointer, detail } of problem.errors ?? []) {
    const name = pointer.split("/").pop() ?? "";
    faults[FIELDS.some((field) => field.name === name) ? name : ""] ??= detail;
  }
  if (!Object.keys(faults).length) faults[""] = problem.message;
  return faults;
}
