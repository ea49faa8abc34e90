// @ts-check
/** The bytes of an audit entry that are hashed: JSON with sorted keys and no blanks, in UTF-8. */

/** @param {{seq: number, at: string, actor: string, action: string, subject: string, detail: any, prev_hash: string}} entry */
export function entryBytes({ seq, at, actor, action, subject, detail, prev_hash }) {
  return new TextEncoder().encode(written({ seq, at, actor, action, subject, detail, prev_hash }));
}

/** @param {any} value @returns {string} */
function written(value) {
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort(byCodePoint);
  return `{${names.map((name) => `${JSON.stringify(name)}:${written(value[name])}`).join(",")}}`;
}

/** JavaScript's own order is that of UTF-16, which differs beyond U+FFFF. @param {string} a @param {string} b */
function byCodePoint(a, b) {
  const [left, right] = [[...a], [...b]];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const difference = /** @type {number} */ (left[at].codePointAt(0)) - /** @type {number} */ (right[at].codePointAt(0));
    if (difference) return difference;
  }
  return left.length - right.length;
}
