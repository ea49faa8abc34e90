// @ts-check
/**
 * Proofs over the audit log, checked here: RFC 6962's tree (RFC 9162, 2.1.3.2 and 2.1.4.2), with the browser's own
 * SHA-256. A hash is 32 bytes; in and out of here it is lower-case hex.
 */

export const EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const HASH = /^[0-9a-f]{64}$/;

/** @param {number} prefix @param {...Uint8Array} parts @returns {Promise<string>} */
async function hashed(prefix, ...parts) {
  const bytes = new Uint8Array(1 + parts.reduce((sum, part) => sum + part.length, 0));
  bytes[0] = prefix;
  let at = 1;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** @param {Uint8Array} bytes */
export function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} text */
function unhex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** @param {Uint8Array} entry */
export function leafHash(entry) {
  return hashed(0, entry);
}

/** @param {string} left @param {string} right */
function nodeHash(left, right) {
  return hashed(1, unhex(left), unhex(right));
}

/** Why these hashes do not prove that a leaf stands at `index` of a tree; null if they do.
 * @param {string} leaf @param {number} index @param {number} size @param {string[]} hashes @param {string} root */
export async function faultInInclusion(leaf, index, size, hashes, root) {
  if (!(index >= 0 && index < size)) return `a tree of ${size} leaves has no leaf ${index}`;
  if (![leaf, root, ...hashes].every((one) => HASH.test(one))) return "a hash does not have 32 bytes";
  const path = await walked(index, size - 1, leaf, leaf, hashes);
  if (typeof path === "string") return path;
  return path.right === root ? null : "the proof leads to another root";
}

/** Why these hashes do not prove that a tree begins with an older one; null if they do.
 * @param {number} oldSize @param {string} oldRoot @param {number} size @param {string} root @param {string[]} hashes */
export async function faultInConsistency(oldSize, oldRoot, size, root, hashes) {
  if (!(oldSize >= 0 && oldSize <= size)) return `the log has shrunk from ${oldSize} to ${size} entries`;
  if (![oldRoot, root, ...hashes].every((one) => HASH.test(one))) return "a hash does not have 32 bytes";
  if (oldSize === 0 || oldSize === size) {
    if (hashes.length) return "the proof has more hashes than such a tree needs";
    return oldRoot === (oldSize ? root : EMPTY_ROOT) ? null : "two logs of the same size have different roots";
  }
  const path = powerOfTwo(oldSize) ? [oldRoot, ...hashes] : [...hashes];
  const first = path.shift();
  if (first === undefined) return "the proof has fewer hashes than such a tree needs";
  let [place, last] = [oldSize - 1, size - 1];
  while (place % 2) [place, last] = [half(place), half(last)];
  const found = await walked(place, last, first, first, path);
  if (typeof found === "string") return found;
  if (found.left !== oldRoot) return "the proof leads to another root of the old log: its entries are not the first of the new one";
  return found.right === root ? null : "the proof leads to another root";
}

/** The roots that a path of hashes leads to: `left` over what was, `right` over what is.
 * @param {number} place @param {number} last @param {string} left @param {string} right @param {string[]} hashes */
async function walked(place, last, left, right, hashes) {
  for (const one of hashes) {
    if (last === 0) return "the proof has more hashes than such a tree needs";
    if (place % 2 || place === last) {
      [left, right] = [await nodeHash(one, left), await nodeHash(one, right)];
      while (place % 2 === 0 && place) [place, last] = [half(place), half(last)];
    } else right = await nodeHash(right, one);
    [place, last] = [half(place), half(last)];
  }
  return last ? "the proof has fewer hashes than such a tree needs" : { left, right };
}

/** Sizes may be above what bit operations hold. @param {number} number */
function half(number) {
  return Math.floor(number / 2);
}

/** @param {number} number */
function powerOfTwo(number) {
  while (number % 2 === 0) number /= 2;
  return number === 1;
}
