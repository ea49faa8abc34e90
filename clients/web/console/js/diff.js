// @ts-check
/** What a version changes, in words: differences at JSON pointers become names and values. Pure. */
import { bytes, context, parameters } from "../../js/text.js";

/** @type {Record<string, string>} */
const NAMES = {
  name: "Name", display_name: "Name", description: "Description", capabilities: "Capabilities", license: "Licence", context_length: "Context length", parameters: "Parameters", active_parameters: "Active parameters",
  architecture: "Architecture", base_model: "Base model", homepage: "Homepage", tags: "Tags", requires: "Requires", hardware: "Hardware", options: "Options", notes: "Notes", settings: "Recommended settings", envelopes: "Signatures",
  size_bytes: "Size", sha256: "SHA-256", urls: "Addresses", role: "Role", files: "Files", quantization: "Quantization", quantizer: "Quantized by", format: "Format", spdx: "SPDX", url: "Address", commercial: "Commercial use", gated: "Gated",
  min_ram_bytes: "Memory at least", recommended_ram_bytes: "Memory recommended", os: "Systems", arch: "Processors", app: "Application", daemon: "Daemon", llama_server: "llama-server",
  id: "Id", family: "Family", n_layers: "Layers", n_heads: "Heads", n_kv_heads: "KV heads", head_dim_k: "Head size, keys", head_dim_v: "Head size, values", vocab_size: "Vocabulary", n_experts: "Experts", n_experts_used: "Experts used",
  n_sliding_layers: "Sliding layers", n_kv_shared_layers: "Layers with a shared KV cache",
};

/** `SHA-256` of `sha256`. @param {string} field */
export function fieldName(field) {
  return NAMES[field] ?? field.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
}

/** Names on the way to a pointer: `Option gguf-q4`, `File a.gguf`, `Size`. Numbers are looked up in the entry that the
 * pointer leads into. @param {string} pointer @param {any} entry @returns {string[]} */
export function placeOf(pointer, entry) {
  const steps = pointer.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  /** @type {string[]} */
  const found = [];
  let here = entry;
  let list = "";
  for (const step of steps) {
    here = here?.[step];
    if (list === "options") found.push(`Option ${here?.id ?? step}`);
    else if (list === "files") found.push(`File ${here?.name ?? step}`);
    else if (step !== "options" && step !== "files") found.push(fieldName(step));
    list = step;
  }
  if (list === "options" || list === "files") found.push(fieldName(list));
  return found.length ? found : ["The whole entry"];
}

/** One value in a line, for what is no list and no object. @param {string} field the last name of its pointer @param {any} value @returns {string} */
export function plainValue(field, value) {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (field.endsWith("_bytes")) return `${bytes(value)} (${value.toLocaleString("en")} bytes)`;
  if (field === "context_length") return `${context(value)} (${value.toLocaleString("en")} tokens)`;
  if (field === "parameters" || field === "active_parameters") return `${parameters(value)} (${value.toLocaleString("en")})`;
  return value.toLocaleString("en");
}

const MOST_WORDS = 400;

/** Two texts as runs of words that stay, go or come; null where they are too long to compare.
 * @param {string} before @param {string} after @returns {{kind: "same" | "gone" | "new", text: string}[] | null} */
export function wordsBetween(before, after) {
  const [left, right] = [before.match(/\s+|[^\s]+/g) ?? [], after.match(/\s+|[^\s]+/g) ?? []];
  if (left.length > MOST_WORDS || right.length > MOST_WORDS) return null;
  const common = Array.from({ length: left.length + 1 }, () => new Array(right.length + 1).fill(0));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) common[i][j] = left[i] === right[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  }
  /** @type {{kind: "same" | "gone" | "new", text: string}[]} */
  const runs = [];
  const put = (/** @type {"same" | "gone" | "new"} */ kind, /** @type {string} */ text) => {
    const last = runs.at(-1);
    if (last?.kind === kind) last.text += text;
    else runs.push({ kind, text });
  };
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) [i, j] = [i + 1, (put("same", left[i]), j + 1)];
    else if (j >= right.length || (i < left.length && common[i + 1][j] >= common[i][j + 1])) put("gone", left[i++]);
    else put("new", right[j++]);
  }
  return runs;
}

/** `New model`, `3 changes to version 2`. @param {{served_version: number | null, changes: any[]}} review */
export function extent(review) {
  if (review.served_version === null) return "New model";
  const count = review.changes.length;
  return count ? `${count} ${count === 1 ? "change" : "changes"} to version ${review.served_version}` : `Same content as version ${review.served_version}`;
}
