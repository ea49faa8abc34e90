// @ts-check
/** Quantities as people read them; the daemon's reasons use the same forms. */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `5.03 GB`: three significant digits, decimal units. @param {number | null | undefined} size */
export function bytes(size) {
  if (size === null || size === undefined) return "size unknown";
  let value = size;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return `${Math.round(value)} B`;
  const digits = Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `1 min 55 s`. @param {number} seconds */
export function duration(seconds) {
  const whole = Math.round(seconds);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 48 * 3600) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.round(whole / 86400)} days`;
}

/** `8.2B`, `475M`: parameters. @param {number} count */
export function parameters(count) {
  const [value, unit] = count >= 999.5e6 ? [count / 1e9, "B"] : count >= 999.5e3 ? [count / 1e6, "M"] : [count / 1e3, "K"];
  const digits = unit === "B" && value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits).replace(/\.0$/, "")}${unit}`;
}

/** `40K context`, counted in 1024s as models state it. @param {number} tokens */
export function context(tokens) {
  if (tokens < 1024) return `${tokens}`;
  if (tokens < 1024 * 1024) return `${Math.round(tokens / 1024)}K`;
  return `${(tokens / 1024 / 1024).toFixed(1).replace(/\.0$/, "")}M`;
}

/** `3.4B`, `2.1M`, `980K`. @param {number} number */
export function count(number) {
  if (number < 1000) return String(number);
  if (number < 999_500) return `${(number / 1000).toFixed(number < 9950 ? 1 : 0).replace(/\.0$/, "")}K`;
  const [value, unit] = number < 999.5e6 ? [number / 1e6, "M"] : [number / 1e9, "B"];
  return `${value.toFixed(value < 99.5 ? 1 : 0).replace(/\.0$/, "")}${unit}`;
}

/** `1 model`, `8 models`. @param {number} number @param {string} one @param {string} [many] */
export function plural(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** An SPDX name without the prefix that only programs need. @param {{spdx?: string | null, name?: string | null} | null | undefined} license */
export function licenseName(license) {
  const spdx = license?.spdx ?? null;
  if (spdx && !spdx.startsWith("LicenseRef-")) return spdx;
  return license?.name ?? spdx?.slice("LicenseRef-".length) ?? null;
}

/** `GGUF`, `Safetensors`. @param {string} format */
export function formatName(format) {
  return format === "safetensors" ? "Safetensors" : format.toUpperCase();
}

/** `GGUF Q4_K_M`. @param {{format: string, quantization?: string | null}} option */
export function optionName(option) {
  return [formatName(option.format), option.quantization].filter(Boolean).join(" ");
}

/** `GGUF Q4_K_M` from `gguf-q4_k_m`, where nothing but the id is known. @param {string} id */
export function optionWord(id) {
  const [format, ...rest] = id.split("-");
  return `${formatName(format)} ${rest.join("-").toUpperCase()}`.trim();
}

/** `3 Dec 2026`, in the reader's words. @param {string | null | undefined} rfc3339 */
export function day(rfc3339) {
  if (!rfc3339) return "";
  return new Date(rfc3339).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

/** `3 Dec 2026, 18:37:18`, in the reader's words. @param {string} rfc3339 */
export function instant(rfc3339) {
  return new Date(rfc3339).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** The parts of `publisher/name`. @param {string} model @returns {[string, string]} */
export function modelParts(model) {
  const at = model.indexOf("/");
  return at < 0 ? ["", model] : [model.slice(0, at), model.slice(at + 1)];
}

/** `3 min ago`; what is older than two days is a date. @param {string | null | undefined} rfc3339 @param {number} [now] milliseconds */
export function since(rfc3339, now = Date.now()) {
  if (!rfc3339) return "";
  const seconds = Math.max(0, (now - Date.parse(rfc3339)) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return day(rfc3339);
}

/** `18:37`, in the reader's words. @param {string | null | undefined} rfc3339 */
export function clock(rfc3339) {
  return rfc3339 ? new Date(rfc3339).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }) : "";
}
