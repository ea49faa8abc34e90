// @ts-check
/**
 * One event stream a browser: a SharedWorker reads it and passes every frame on to the tabs. A tab that comes later gets
 * what the worker knows as a snapshot. Where there are no SharedWorkers, a tab reads a stream of its own.
 */

/**
 * The tabs' end of it: like a stream of one's own.
 * @param {MessagePort} port
 * @param {{token: () => string | null, onFrame: (frame: any) => void, onState: (word: any) => void, onRefused: () => void}} parts
 */
export function createSharedStream(port, { token, onFrame, onState, onRefused }) {
  let wanted = false;
  port.onmessage = ({ data }) => {
    if (!wanted) return;
    if (data.frames) data.frames.forEach(onFrame);
    else if (data.state) onState(data.state);
    else if (data.refused === token()) onRefused();
  };
  return {
    start() {
      wanted = true;
      port.postMessage({ start: token() });
    },
    stop() {
      wanted = false;
      port.postMessage({ stop: true });
    },
    forget() {},
  };
}

/**
 * The worker's end: which tabs there are, and the one stream for all of them.
 * @param {(token: string, tell: {onFrame: (frame: any) => void, onState: (word: string) => void, onRefused: () => void}) => {start: () => void, stop: () => void}} open
 * @param {(frame: any) => void} learn takes a frame in
 * @param {() => any} known everything learnt, as a snapshot frame; null before there is any
 * @param {(run: () => void) => void} later when to pass on what has gathered
 */
export function createHub(open, learn, known, later) {
  /** @type {Set<any>} */
  const ports = new Set();
  /** @type {{token: string, stream: {start: () => void, stop: () => void}} | null} */
  let reading = null;
  let state = "connecting";
  /** @type {any[]} */
  let gathered = [];

  /** @param {any} message */
  const tell = (message) => ports.forEach((port) => port.postMessage(message));

  function pass() {
    const frames = gathered;
    gathered = [];
    if (frames.length) tell({ frames });
  }

  /** @param {string} token */
  function read(token) {
    reading?.stream.stop();
    state = "connecting";
    const stream = open(token, {
      onFrame(frame) {
        if (reading?.stream !== stream) return;
        learn(frame);
        if (gathered.push(frame) === 1) later(pass);
      },
      onState(word) {
        if (reading?.stream !== stream) return;
        state = word;
        tell({ state });
      },
      onRefused() {
        if (reading?.stream !== stream) return;
        reading = null;
        tell({ refused: token });
      },
    });
    reading = { token, stream };
    stream.start();
  }

  return {
    /** @param {any} port */
    connect(port) {
      port.onmessage = (/** @type {any} */ { data }) => {
        if (data.stop) {
          ports.delete(port);
          if (!ports.size) {
            reading?.stream.stop();
            reading = null;
          }
        } else if (data.start) {
          const before = ports.has(port);
          if (reading?.token !== data.start) {
            ports.add(port);
            read(data.start);
            return;
          }
          reading?.stream.start();
          if (before) return;
          pass();
          ports.add(port);
          const snapshot = known();
          if (snapshot) port.postMessage({ frames: [snapshot] });
          port.postMessage({ state });
        }
      };
    },
  };
}
