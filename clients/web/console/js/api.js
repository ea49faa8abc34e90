// @ts-check
import { Problem, createApi } from "../../js/api.js";

const AWAY = "The registry does not answer. Check the network; this page goes on by itself when it is back.";

/**
 * The registry's API with this window's token.
 * @param {() => string | null} token
 * @param {() => void} signedOut
 */
export function createRegistry(token, signedOut) {
  const { open: ask } = createApi(token, signedOut);

  /** @param {string} method @param {string} path @param {any} [rest] @returns {Promise<Response>} */
  async function open(method, path, rest) {
    try {
      return await ask(method, path, rest);
    } catch (error) {
      if (error instanceof Problem && error.code === "unreachable") throw new Problem({ status: 0, code: "unreachable", detail: AWAY });
      if (error instanceof Problem && error.code === "unexpected") throw new Problem({ status: error.status, code: "unexpected", detail: `The registry, or what stands before it, answered with status ${error.status}. Its log says why.` });
      throw error;
    }
  }

  /** @param {string} method @param {string} path @param {any} [rest] */
  async function told(method, path, rest) {
    const response = await open(method, path, rest);
    return response.status === 204 ? null : response.json();
  }

  return {
    open,
    /** @param {string} path @param {AbortSignal} [signal] */
    get: (path, signal) => told("GET", path, { signal }),
    /** @param {string} path @param {any} [body] @param {Record<string, string>} [headers] */
    post: (path, body, headers) => told("POST", path, { body, headers }),
    /** @param {string} path @param {any} [body] */
    put: (path, body) => told("PUT", path, { body }),
    /** @param {string} path @param {any} body */
    patch: (path, body) => told("PATCH", path, { body }),
    /** @param {string} path */
    remove: (path) => told("DELETE", path, {}),
  };
}
