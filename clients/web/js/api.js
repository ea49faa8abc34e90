// @ts-check
/** The daemon's API with this page's session. What it refuses is thrown as a `Problem`. */

const BASE = "/api/v1";
/** The gateway speaks OpenAI's paths. */
const GATEWAY = "/v1/";
const PATIENCE_MS = 30_000;
/** A program and its version, as of PEP 440: the daemon refuses whoever calls itself otherwise. */
const NAMED = /^[A-Za-z0-9][\w.-]{0,63}\/\d{1,8}(\.\d{1,8}){0,5}((a|b|rc)\d{1,8})?(\.(post|dev)\d{1,8})?$/;

/** The application that shows the page, as it names itself in the address: `?app=my-editor/2.1`; null where it does not. @param {string} query of an address */
export function applicationOf(query) {
  const name = new URLSearchParams(query).get("app") ?? "";
  return NAMED.test(name) ? name : null;
}

/** Whose name the daemon is asked in: what the catalog keeps for other versions of it is held back here as it is there. */
export const application = applicationOf(globalThis.location?.search ?? "");

/** A refusal (RFC 9457), or a daemon that did not answer (`code` is then `unreachable`). */
export class Problem extends Error {
  /** @param {{status: number, code: string, detail: string, retry_after_s?: number | null, errors?: {pointer: string, detail: string}[]}} problem */
  constructor(problem) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.retryAfterS = problem.retry_after_s ?? null;
    /** @type {{pointer: string, detail: string}[]} */
    this.errors = problem.errors ?? [];
  }
}

/**
 * @param {() => string | null} token the session's, asked anew for each request
 * @param {() => void} signedOut called when the daemon does not take the token
 * @param {typeof fetch} [send]
 * @param {string | null} [named] an application; what is tried at the gateway is nobody's
 */
export function createApi(token, signedOut, send = (input, init) => fetch(input, init), named = application) {
  /** @param {string} method @param {string} path @param {{body?: any, signal?: AbortSignal, patienceMs?: number, headers?: Record<string, string>}} [rest] */
  async function open(method, path, { body, signal, patienceMs = PATIENCE_MS, headers = {} } = {}) {
    const patience = patienceMs ? AbortSignal.timeout(patienceMs) : undefined;
    const signals = [signal, patience].filter((one) => one !== undefined);
    /** @type {Record<string, string>} */
    const sent = { Accept: "application/json", ...headers };
    const held = token();
    if (held) sent.Authorization = `Bearer ${held}`;
    if (body !== undefined) sent["Content-Type"] = "application/json";
    if (named && !path.startsWith(GATEWAY)) sent["Modelhub-App"] = named;
    let response;
    try {
      response = await send(path.startsWith(GATEWAY) ? path : BASE + path, {
        method,
        headers: sent,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: signals.length ? AbortSignal.any(signals) : undefined,
        cache: "no-store",
        credentials: "omit",
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem({ status: 0, code: "unreachable", detail: "The daemon does not answer. Is it running? `modelhub daemon start` starts it." });
    }
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (response.status === 401 && held) signedOut();
    throw problem;
  }

  /** @param {string} method @param {string} path @param {any} [body] @param {AbortSignal} [signal] */
  async function ask(method, path, body, signal) {
    const response = await open(method, path, { body, signal });
    return response.status === 204 ? null : response.json();
  }

  return {
    open,
    /** @param {string} path @param {AbortSignal} [signal] */
    get: (path, signal) => ask("GET", path, undefined, signal),
    /** @param {string} path @param {any} [body] @param {AbortSignal} [signal] */
    post: (path, body, signal) => ask("POST", path, body, signal),
    /** @param {string} path @param {any} body */
    patch: (path, body) => ask("PATCH", path, body),
    /** @param {string} path @param {any} [body] */
    put: (path, body) => ask("PUT", path, body),
    /** @param {string} path */
    remove: (path) => ask("DELETE", path),
  };
}

/** @param {Response} response */
async function problemOf(response) {
  const status = response.status;
  try {
    const told = await response.json();
    if (typeof told.error?.message === "string") return new Problem({ code: told.error.code ?? "unexpected", detail: told.error.message, status });
    if (typeof told.detail === "string") return new Problem({ ...told, status });
  } catch {
    // Not a problem document: said below in our own words.
  }
  return new Problem({ status, code: "unexpected", detail: `The daemon answered with status ${status}. Its log says why.` });
}
