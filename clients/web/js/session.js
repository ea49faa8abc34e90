// @ts-check
/** Sign-in: a one-time code from the address becomes a session token, which this browser keeps. */

const KEY = "modelhub.session";

/** The one-time code that an address carries, or null. @param {string} hash */
export function codeIn(hash) {
  return new URLSearchParams(hash.replace(/^#\/?/, "")).get("code") || null;
}

/** Where an address with a code wants to go after it, such as `#/servers`. @param {string} hash */
export function wayAfterCode(hash) {
  const to = new URLSearchParams(hash.replace(/^#\/?/, "")).get("to") ?? "";
  return /^\/[a-z]+(\?|$)/.test(to) ? `#${to}` : "#/browse";
}

/**
 * @param {Storage} storage
 * @param {(code: string) => Promise<{token: string}>} exchange
 */
export function createSession(storage, exchange) {
  return {
    token: () => storage.getItem(KEY),
    /** Use a code up. Throws what the daemon refuses. @param {string} code */
    async signIn(code) {
      const { token } = await exchange(code);
      storage.setItem(KEY, token);
    },
    signOut: () => storage.removeItem(KEY),
    /** Whether another tab's change to the storage is one of the session. @param {StorageEvent} event */
    concerns: (event) => event.key === KEY || event.key === null,
  };
}
