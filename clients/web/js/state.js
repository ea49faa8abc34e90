// @ts-check
/**
 * What the daemon has told, as one value. Pure: a frame of the event stream in, the next value out.
 * What a frame does not touch stays the same object, so that views can tell by identity.
 */

/**
 * @typedef {object} Live
 * @property {ReadonlyMap<string, any>} downloads by id
 * @property {ReadonlyMap<string, any>} library by id
 * @property {ReadonlyMap<string, any>} servers by id
 * @property {ReadonlyMap<string, any>} updates by the installed artifact's id
 * @property {ReadonlyMap<string, any>} jobs background work of the library, by id
 * @property {ReadonlyMap<string, any>} loads what servers are doing just now, by id
 * @property {ReadonlyMap<string, any>} trials by id, without their evidence
 * @property {ReadonlyMap<string, any>} evaluations by id
 * @property {import("../types/daemon").RecordsSummary | null} records how recording stands
 * @property {any} catalog
 * @property {any} device
 * @property {any} policy
 * @property {any} limits of downloads, once they changed
 * @property {boolean} known whether a snapshot has come
 */

/** @type {Live} */
export const NOTHING = { downloads: new Map(), library: new Map(), servers: new Map(), updates: new Map(), jobs: new Map(), loads: new Map(), trials: new Map(), evaluations: new Map(), records: null, catalog: null, device: null, policy: null, limits: null, known: false };

const LISTS = /** @type {const} */ (["downloads", "library", "servers", "updates", "jobs", "trials", "evaluations"]);
/** @type {Record<string, "downloads" | "library" | "servers" | "updates" | "trials" | "evaluations">} */
const LIST_OF = { download: "downloads", library: "library", server: "servers", update: "updates", trial: "trials", evaluation: "evaluations" };
const CHANGES = new Set(["created", "added", "changed", "available"]);
const SINGLES = new Set(["catalog", "device", "policy", "records"]);

/** The state after a frame; an unknown type changes nothing. @param {Live} live @param {{type: string, data: any}} frame @returns {Live} */
export function reduce(live, frame) {
  const { type, data } = frame;
  if (type === "snapshot") return fromSnapshot(live, data.state);
  if (type === "download.progress") return withProgress(live, data);
  if (type === "download.limits") return { ...live, limits: data };
  if (type === "library.job") return { ...live, jobs: new Map(live.jobs).set(data.id, data) };
  if (type === "library.progress") return withJobProgress(live, data);
  if (type === "record.stats") return { ...live, records: data };
  if (type === "record.audit") return live.records ? { ...live, records: { ...live.records, audit: data.allowed ? data.rules : [] } } : live;
  if (type === "evaluation.progress") return withEvaluated(live, data);
  if (type === "server.load") return { ...live, loads: new Map(live.loads).set(data.id, data) };
  const [noun, verb] = type.split(".");
  const list = LIST_OF[noun];
  if (type === "server.removed") return { ...live, servers: without(live.servers, data.id), loads: without(live.loads, data.id) };
  if (list && verb === "removed") return { ...live, [list]: without(live[list], data.id) };
  if (list && CHANGES.has(verb)) return { ...live, [list]: new Map(live[list]).set(data.id, data) };
  if (SINGLES.has(noun) && verb !== undefined && data && typeof data === "object") return { ...live, [noun]: data };
  return live;
}

/** @param {Live} live @param {Record<string, any>} state @returns {Live} */
function fromSnapshot(live, state) {
  /** @type {any} */
  const next = { ...live, known: true };
  for (const name of LISTS) if (state[name]) next[name] = new Map(state[name].map((/** @type {any} */ item) => [item.id, item]));
  for (const name of SINGLES) if (state[name]) next[name] = state[name];
  return next;
}

/** A gauge holds numbers only, and only for what is still under way. @param {Live} live @param {any} gauge @returns {Live} */
function withProgress(live, gauge) {
  const download = live.downloads.get(gauge.id);
  if (!download || isEnded(download)) return live;
  const { id, ...progress } = gauge;
  return { ...live, downloads: new Map(live.downloads).set(id, { ...download, progress }) };
}

/** @param {Live} live @param {any} gauge @returns {Live} */
function withJobProgress(live, { id, ...progress }) {
  const job = live.jobs.get(id);
  return job?.state === "running" ? { ...live, jobs: new Map(live.jobs).set(id, { ...job, progress }) } : live;
}

/** @param {Live} live @param {any} gauge @returns {Live} */
function withEvaluated(live, { id, ...progress }) {
  const one = live.evaluations.get(id);
  return one ? { ...live, evaluations: new Map(live.evaluations).set(id, { ...one, progress }) } : live;
}

/** @param {ReadonlyMap<string, any>} map @param {string} id */
function without(map, id) {
  const next = new Map(map);
  next.delete(id);
  return next;
}

/** Whether a download or a server has come to its end. @param {{state: string}} thing */
export function isEnded(thing) {
  return ["completed", "failed", "cancelled", "stopped"].includes(thing.state);
}

/** Per model the download that its card shows: one under way, else the newest that failed.
 * @param {ReadonlyMap<string, any>} downloads @returns {Map<string, any>} */
export function shownDownloads(downloads) {
  const shown = new Map();
  for (const download of downloads.values()) {
    if (isEnded(download) && download.state !== "failed") continue;
    const other = shown.get(download.model);
    if (!other || rank(download) > rank(other) || (rank(download) === rank(other) && download.created_at > other.created_at)) {
      shown.set(download.model, download);
    }
  }
  return shown;
}

/** @param {any} download */
function rank(download) {
  return isEnded(download) ? 0 : 1;
}

/** The queue in its order, then what has ended, newest first. @param {ReadonlyMap<string, any>} downloads */
export function inOrder(downloads) {
  const all = [...downloads.values()];
  const under = all.filter((download) => !isEnded(download));
  const ended = all.filter(isEnded);
  under.sort((a, b) => a.position - b.position || (a.created_at < b.created_at ? -1 : 1));
  ended.sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));
  return { under, ended };
}

/** The place in the line to ask for so that `moved` comes where `target` stands; 0 where that cannot be.
 * @param {any[]} under the queue in its order @param {string} moved @param {string} target ids */
export function placeOf(under, moved, target) {
  const waiting = under.filter((download) => download.position > 0);
  if (!waiting.some((download) => download.id === moved)) return 0;
  return 1 + waiting.findIndex((download) => download.id === target);
}

/** The job under way for an artifact, else the newest that failed. @param {ReadonlyMap<string, any>} jobs @param {string} libraryId */
export function jobOf(jobs, libraryId) {
  let found = null;
  for (const job of jobs.values()) {
    if (job.library_id !== libraryId || job.state === "cancelled") continue;
    if (!found || job.state === "running" || (found.state !== "running" && job.created_at > found.created_at)) found = job;
  }
  return found;
}

/** Installed artifacts per model and option, as `model:option`. @param {ReadonlyMap<string, any>} library @returns {Map<string, any>} */
export function installedOptions(library) {
  const found = new Map();
  for (const artifact of library.values()) {
    const key = `${artifact.model}:${artifact.option}`;
    const other = found.get(key);
    if (!other || artifact.version > other.version) found.set(key, artifact);
  }
  return found;
}

/** The server that runs an artifact, else the newest one that failed to. @param {ReadonlyMap<string, any>} servers @param {string} libraryId */
export function serverOf(servers, libraryId) {
  let best = null;
  for (const server of servers.values()) {
    if (server.library_id !== libraryId || server.state === "stopped") continue;
    if (!best || Number(isEnded(best)) > Number(isEnded(server))) best = server;
    else if (isEnded(best) === isEnded(server) && server.started_at > best.started_at) best = server;
  }
  return best;
}
