// @ts-check
/** The token, kept for this window alone and gone with it. */

const KEY = "modelhub.registry.token";
const SHAPE = /^mhr_[a-z0-9]{12}_[0-9A-Za-z]{38}$/;

/** Why a text is no token, or null. @param {string} text */
export function faultInToken(text) {
  if (!text) return "Paste a token. An administrator makes one with `modelhub registry tokens create`.";
  if (!SHAPE.test(text)) return "This is no token of a registry: one begins with mhr_ and is copied whole.";
  return null;
}

/** @param {Storage} storage */
export function createSession(storage) {
  return {
    token: () => storage.getItem(KEY),
    /** @param {string} token */
    keep: (token) => storage.setItem(KEY, token),
    forget: () => storage.removeItem(KEY),
  };
}
