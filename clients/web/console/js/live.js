// @ts-check
/**
 * Hearing of changes: one question that is answered when something was done, asked again and again. Of a
 * browser's windows one asks for all (a browser has six connections per origin), as long as it is looked at.
 */

const WAIT_S = 25;
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 8_000;
const NAME = "modelhub-console";

/**
 * @param {object} parts
 * @param {(path: string, rest: {signal: AbortSignal, patienceMs: number}) => Promise<Response>} parts.open
 * @param {() => void} parts.onChange something was done; also after a pause in which something may have been
 * @param {(word: "connected" | "connecting" | "lost") => void} parts.onState
 * @param {LockManager | null} [parts.locks] absent where the page came over plain HTTP
 * @param {BroadcastChannel} [parts.channel]
 * @param {(run: () => void, ms: number) => any} [parts.later]
 */
export function createLive({ open, onChange, onState, locks = navigator.locks, channel = new BroadcastChannel(NAME), later = setTimeout }) {
  /** @type {string | null} */
  let cursor = null;
  /** @type {AbortController | null} */
  let running = null;

  /** @param {string} next */
  function heard(next) {
    onState("connected");
    if (cursor === next) return;
    const first = cursor === null;
    cursor = next;
    if (!first) onChange();
  }

  /** @param {AbortSignal} signal @param {number} waitS */
  async function ask(signal, waitS) {
    const query = cursor && waitS ? `?after=${encodeURIComponent(cursor)}&wait_s=${waitS}` : "";
    const response = await open(`/changes${query}`, { signal, patienceMs: (WAIT_S + 15) * 1000 });
    return String((await response.json()).cursor);
  }

  /** @param {AbortSignal} signal */
  async function read(signal) {
    let [pause, wait] = [FIRST_PAUSE_MS, WAIT_S];
    while (!signal.aborted) {
      try {
        const next = await ask(signal, wait);
        if (signal.aborted) return;
        channel.postMessage(next);
        heard(next);
        [pause, wait] = [FIRST_PAUSE_MS, WAIT_S];
      } catch (error) {
        const problem = /** @type {any} */ (error);
        if (signal.aborted || problem.status === 401) return;
        onState("lost");
        channel.postMessage(null);
        wait = 0; // to be told at once when it is back
        await slept(Math.max(pause, (problem.retryAfterS ?? 0) * 1000), signal);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  /** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
  function slept(ms, signal) {
    return new Promise((done) => {
      signal.addEventListener("abort", () => done(), { once: true });
      later(done, ms);
    });
  }

  channel.onmessage = (event) => {
    if (!running) return;
    if (typeof event.data === "string") heard(event.data);
    else onState("lost");
  };

  return {
    /** Hear from now on, beginning with what was missed; does nothing while it does. */
    start() {
      if (running) return;
      const mine = (running = new AbortController());
      ask(mine.signal, 0).then((next) => !mine.signal.aborted && heard(next)).catch(() => !mine.signal.aborted && onState("lost"));
      if (!locks) read(mine.signal);
      else locks.request(NAME, { signal: mine.signal }, () => read(mine.signal)).catch(() => {});
    },
    /** Stop; `start()` goes on from where it was. */
    stop() {
      running?.abort();
      running = null;
    },
    /** Forget where it was, for another person. */
    forget() {
      cursor = null;
    },
  };
}
