// @ts-check
/** The audit log, checked in this browser: nothing here is believed because the registry says so. */
import { entryBytes } from "./canonical.js";
import { faultInConsistency, faultInInclusion, hex, leafHash } from "./merkle.js";
import { path, queryOf } from "./routes.js";

/**
 * @typedef {{ok: boolean, title: string, detail: string}} Finding
 * @typedef {{size: number, root_hash: string, note: string, key: string}} Checkpoint
 * @typedef {{size: number, root_hash: string, key: string, at: string}} Seen
 */

const KEY = "modelhub.registry.checkpoint.";

/** Where a browser keeps the last checkpoint it saw of a registry. @param {Storage} storage @param {string} registry */
export function createMemory(storage, registry) {
  return {
    /** @returns {Seen | null} */
    get() {
      try {
        return JSON.parse(storage.getItem(KEY + registry) ?? "null");
      } catch {
        return null;
      }
    },
    /** @param {Seen} seen */
    put: (seen) => storage.setItem(KEY + registry, JSON.stringify(seen)),
  };
}

/**
 * Check the log's checkpoint, that it has only grown since this browser last looked, and that entries stand in it.
 * @param {(path: string) => Promise<any>} get
 * @param {{get: () => Seen | null, put: (seen: Seen) => void}} memory
 * @param {any[]} entries as they are shown
 * @returns {Promise<{findings: Finding[], checked: Map<number, string | null>}>} per entry why it is not proved, or null
 */
export async function checkLog(get, memory, entries) {
  const point = /** @type {Checkpoint} */ (await get("/audit/checkpoint"));
  const findings = [await checkedNote(point), await checkedGrowth(get, memory.get(), point)];
  /** @type {Map<number, string | null>} */
  const checked = new Map();
  for (const entry of entries.filter((one) => one.seq < point.size)) checked.set(entry.seq, await faultInEntry(get, entry, point));
  const faults = [...checked].filter(([, fault]) => fault !== null);
  findings.push({
    ok: faults.length === 0,
    title: faults.length ? `${faults.length} of ${checked.size} entries do not stand in the log as shown` : `${checked.size} shown entries stand in the log, word for word`,
    detail: faults.length ? faults.map(([seq, fault]) => `No. ${seq}: ${fault}`).join(". ") : "Each was hashed here, and its proof leads to the root that was signed.",
  });
  if (findings.every((finding) => finding.ok)) memory.put({ size: point.size, root_hash: point.root_hash, key: point.key, at: new Date().toISOString() });
  return { findings, checked };
}

/** @param {(path: string) => Promise<any>} get @param {any} entry @param {Checkpoint} point */
async function faultInEntry(get, entry, point) {
  const leaf = await leafHash(entryBytes(entry));
  if (leaf !== entry.leaf_hash) return "what is shown has another hash than the log says";
  const proof = await get(`${path("audit", "proof", "inclusion")}?${queryOf({ seq: entry.seq, size: point.size })}`);
  return faultInInclusion(leaf, entry.seq, point.size, proof.hashes, point.root_hash);
}

/** @param {(path: string) => Promise<any>} get @param {Seen | null} seen @param {Checkpoint} point @returns {Promise<Finding>} */
async function checkedGrowth(get, seen, point) {
  if (!seen) return { ok: true, title: `The log has ${point.size} entries`, detail: "This browser has not looked before: from now on it remembers this state and notices if history changes." };
  if (seen.key !== point.key) return { ok: false, title: "The log is signed with another key than before", detail: "Ask whether the registry's keys were recovered. If nobody knows of it, the history may have been replaced." };
  const since = new Date(seen.at).toLocaleString();
  if (seen.size > point.size) return { ok: false, title: `The log has shrunk from ${seen.size} to ${point.size} entries`, detail: `This browser saw more of it on ${since}. Was the registry restored from a backup?` };
  const proof = await get(`${path("audit", "proof", "consistency")}?${queryOf({ from: seen.size, to: point.size })}`);
  const fault = await faultInConsistency(seen.size, seen.root_hash, point.size, point.root_hash, proof.hashes);
  if (fault) return { ok: false, title: "The history that this browser saw was changed", detail: `Since ${since}: ${fault}.` };
  const grown = point.size - seen.size;
  return { ok: true, title: `The log has only grown: ${seen.size} entries then, ${point.size} now`, detail: grown ? `${grown} were added since ${since}; none of those before was touched.` : `Nothing was done since ${since}.` };
}

/** The signed note says what the checkpoint says, and the key has signed it. @param {Checkpoint} point @returns {Promise<Finding>} */
export async function checkedNote(point) {
  const wrong = (/** @type {string} */ detail) => ({ ok: false, title: "The signed checkpoint does not hold", detail });
  const end = point.note.indexOf("\n\n— ");
  const text = point.note.slice(0, end + 1);
  const [origin, size, root] = text.split("\n");
  if (end < 0 || Number(size) !== point.size || hex(unbase64(root)) !== point.root_hash) return wrong("The note says something else than the registry.");
  const [name, keyHash, key] = point.key.split("+", 3).concat(point.key.split("+").slice(3)).map(String);
  const keyBytes = unbase64(point.key.slice(name.length + keyHash.length + 2));
  const line = point.note.slice(end + 2).split("\n").find((one) => one.startsWith(`— ${name} `));
  if (!line || !key || name !== origin || keyBytes.length !== 33) return wrong("The log's own key has not signed it.");
  const signature = unbase64(line.split(" ")[2]).slice(4);
  try {
    const verifier = await crypto.subtle.importKey("raw", keyBytes.slice(1), { name: "Ed25519" }, false, ["verify"]);
    if (!(await crypto.subtle.verify({ name: "Ed25519" }, verifier, signature, new TextEncoder().encode(text)))) return wrong("Its signature is not that of the log's key.");
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "NotSupportedError") return wrong("Its signature cannot be read.");
    return { ok: true, title: "The checkpoint says what the registry says", detail: "This browser cannot check Ed25519 signatures: `modelhub registry audit verify` does." };
  }
  return { ok: true, title: `The checkpoint is signed by ${name}`, detail: `Root ${point.root_hash.slice(0, 16)}… over ${point.size} entries.` };
}

/** @param {string} text */
function unbase64(text) {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
