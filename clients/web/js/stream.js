// @ts-check
/**
 * The event stream, read as NDJSON with fetch() because EventSource cannot send the token. It comes back by
 * itself, with the cursor of what was seen last, until it is stopped.
 */

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8_000;

/** Lines out of chunks of bytes. @returns {(chunk: Uint8Array) => string[]} */
export function lineReader() {
  const decoder = new TextDecoder();
  let rest = "";
  return (chunk) => {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    return lines.filter(Boolean);
  };
}

/**
 * @param {object} parts
 * @param {(path: string, rest: any) => Promise<Response>} parts.open
 * @param {(frame: {id?: string, type: string, data: any}) => void} parts.onFrame
 * @param {(word: "connected" | "connecting" | "lost") => void} parts.onState
 * @param {(run: () => void, ms: number) => any} [parts.later]
 * @param {(timer: any) => void} [parts.never]
 */
export function createStream({ open, onFrame, onState, later = setTimeout, never = clearTimeout }) {
  /** @type {string | null} */
  let cursor = null;
  /** @type {AbortController | null} */
  let reading = null;
  let waitMs = FIRST_WAIT_MS;
  let silenceMs = 40_000;
  /** @type {any} */
  let timer = null;
  /** @type {any} */
  let watchdog = null;

  function hear() {
    never(watchdog);
    watchdog = later(() => reading?.abort(), silenceMs);
  }

  /** @param {string} line */
  function take(line) {
    const frame = JSON.parse(line);
    if (frame.type === "hello") silenceMs = frame.data.heartbeat_s * 2500;
    if (frame.type === "ready") {
      waitMs = FIRST_WAIT_MS;
      onState("connected");
    }
    if (frame.id) cursor = frame.id;
    onFrame(frame);
  }

  async function connect() {
    const mine = (reading = new AbortController());
    hear();
    try {
      const query = cursor ? `&after=${encodeURIComponent(cursor)}` : "";
      const response = await open(`/events?topics=downloads,library,servers,updates,catalog,device,policy,jobs,records,trials,evaluations${query}`, {
        headers: { Accept: "application/x-ndjson" },
        signal: mine.signal,
        patienceMs: 0,
      });
      const body = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      const lines = lineReader();
      for (;;) {
        const { done, value } = await body.read();
        if (done || reading !== mine) break;
        hear();
        lines(value).forEach(take);
      }
      if (reading === mine) again("connecting");
    } catch (error) {
      if (reading === mine) again("lost", /** @type {any} */ (error));
    }
  }

  /** @param {"connecting" | "lost"} word @param {{status?: number, retryAfterS?: number | null}} [problem] */
  function again(word, problem) {
    never(watchdog);
    reading = null;
    onState(word);
    if (problem?.status === 401) return;
    const asked = (problem?.retryAfterS ?? 0) * 1000;
    timer = later(() => {
      timer = null;
      connect();
    }, Math.max(asked, waitMs));
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }

  return {
    /** Read from now on; does nothing while it is being read. */
    start() {
      if (reading) return;
      never(timer);
      timer = null;
      waitMs = FIRST_WAIT_MS;
      connect();
    },
    /** Stop; `start()` goes on from where it was. */
    stop() {
      never(timer);
      never(watchdog);
      timer = null;
      const mine = reading;
      reading = null;
      mine?.abort();
    },
    /** Begin anew with a snapshot next time. */
    forget() {
      cursor = null;
    },
  };
}
