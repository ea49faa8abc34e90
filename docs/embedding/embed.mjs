// Everything a frontend needs of modelhubd, in plain JavaScript (node 20, no packages):
//   node embed.mjs PUBLISHER/NAME "A question"
// finds the daemon or starts it, downloads the model with progress, loads it, and asks it something.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const APP = "example-app/1.0"; // who we are: models that are for other versions of us are held back

// runtime.json names the socket, and the TCP address for who cannot use one.
function runtimeFile() {
  const { MODELHUB_HOME: home, XDG_RUNTIME_DIR: run, XDG_STATE_HOME: state } = process.env;
  if (home) return join(home, "run", "runtime.json");
  if (process.platform === "darwin") return join(homedir(), "Library/Application Support/modelhub/run/runtime.json");
  if (run) return join(run, "modelhub", "runtime.json");
  return join(state || join(homedir(), ".local/state"), "modelhub", "run", "runtime.json");
}

// One request; resolves to the answer as a stream. On the socket no token is needed.
async function request(method, path, body, headers = {}) {
  const { socket } = JSON.parse(await readFile(runtimeFile(), "utf8"));
  const sent = { Host: "localhost", "Modelhub-App": APP, "Content-Type": "application/json", ...headers };
  return new Promise((resolve, reject) => {
    const asked = http.request({ socketPath: socket, method, path, headers: sent }, resolve);
    asked.on("error", reject).end(body && JSON.stringify(body));
  });
}

async function ask(method, path, body) {
  const answer = await request(method, path, body);
  let text = "";
  for await (const part of answer.setEncoding("utf8")) text += part;
  const value = text ? JSON.parse(text) : null;
  if (answer.statusCode < 300) return value;
  throw Object.assign(new Error(value.detail), value); // RFC 9457: detail says what to do, code is for programs
}

async function ensureRunning() {
  try {
    await ask("GET", "/api/v1/health");
  } catch {
    await promisify(execFile)("modelhub", ["daemon", "start"]); // returns once it answers
  }
}

// The event stream for ever: after a break it goes on from the last cursor, so that nothing is missed.
async function* events(topics) {
  for (let after = "", wait = 250; ; wait = Math.min(wait * 2, 5000)) {
    try {
      const answer = await request("GET", `/api/v1/events?topics=${topics}&after=${after}`, undefined, {
        Accept: "application/x-ndjson",
      });
      const lines = createInterface({ input: answer });
      answer.on("error", () => {}).on("close", () => lines.close()); // also where the daemon dies
      answer.setTimeout(45_000, () => answer.destroy()); // a bookmark comes every 15 s: who is silent is gone
      for await (const line of lines) {
        const event = JSON.parse(line);
        if (event.id) after = event.id;
        if (event.type === "hello") wait = 250;
        yield event; // a snapshot replaces all that is known; unknown types are skipped by who reads
      }
    } catch {} // the daemon restarts, or is being updated
    await sleep(wait);
  }
}

async function download(model) {
  let it;
  try {
    it = await ask("POST", "/api/v1/downloads", { model });
  } catch (error) {
    if (error.code === "already_installed") return;
    throw error;
  }
  for await (const { type, data } of events("downloads")) {
    if (type === "snapshot") console.error(`snapshot (${data.reason})`);
    if (type === "snapshot") it = data.state.downloads.find(({ id }) => id === it.id) ?? it;
    else if (type === "download.progress" && data.id === it.id)
      console.error(`${Math.round((100 * data.done_bytes) / data.total_bytes)} %`);
    else if (type === "download.changed" && data.id === it.id) it = data;
    if (it.state === "completed") return;
    if (["failed", "cancelled"].includes(it.state)) throw new Error(it.error?.detail ?? it.state);
  }
}

const [model, question] = process.argv.slice(2);
await ensureRunning();
await download(model);
const server = await ask("POST", "/api/v1/servers?wait=ready", { library_id: model, settings: { ctx: 512 } });
console.error(`${server.name} is ${server.state}`);
const chat = { model: server.name, messages: [{ role: "user", content: question }], temperature: 0 };
const { choices } = await ask("POST", "/v1/chat/completions", chat);
console.log(choices[0].message.content);
await ask("DELETE", `/api/v1/servers/${server.id}`);
process.exit(0);
