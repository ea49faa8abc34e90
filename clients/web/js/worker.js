// @ts-check
/** The SharedWorker that reads the one event stream of this browser. */
import { createApi } from "./api.js";
import { createHub } from "./shared.js";
import { NOTHING, reduce } from "./state.js";
import { createStream } from "./stream.js";

const GATHER_MS = 30;

let live = NOTHING;

/** Everything known, as the snapshot that a new tab begins with. */
function known() {
  if (!live.known) return null;
  const { downloads, library, servers, updates, jobs, trials, evaluations, records, catalog, device, policy } = live;
  const lists = Object.fromEntries(Object.entries({ downloads, library, servers, updates, jobs, trials, evaluations }).map(([name, map]) => [name, [...map.values()]]));
  return { type: "snapshot", data: { reason: "shared", state: { ...lists, records, catalog, device, policy } } };
}

const hub = createHub(
  (token, { onFrame, onState, onRefused }) => {
    const api = createApi(() => token, onRefused);
    live = NOTHING;
    return createStream({ open: (path, rest) => api.open("GET", path, rest), onFrame, onState });
  },
  (frame) => {
    live = reduce(live, frame);
  },
  known,
  (run) => setTimeout(run, GATHER_MS),
);

addEventListener("connect", (event) => hub.connect(/** @type {MessageEvent} */ (event).ports[0]));
