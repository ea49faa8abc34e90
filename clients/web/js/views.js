// @ts-check
/** Everything beyond the first sight: the other tabs, the dialogs, and what a person may do there. A new tab is a line here, and one in `shell.js` and `routes.js`. */
import { createAdministering } from "./administering.js";
import { application } from "./api.js";
import { createChatting } from "./chatting.js";
import { details } from "./details.js";
import { downloads } from "./downloads.js";
import { lazy } from "./dom.js";
import { importDialog } from "./import_dialog.js";
import { createImporting } from "./importing.js";
import { installed } from "./installed.js";
import { loadDialog } from "./load_dialog.js";
import { createLoading } from "./loading.js";
import { createLogs } from "./logs.js";
import { extend, parts } from "./main.js";
import { createObserving } from "./observing.js";
import { createQueue } from "./queue.js";
import { servers } from "./servers.js";
import { settings } from "./settings.js";
import { showTab } from "./tab_in_view.js";
import { updates } from "./updates.js";
import { createUpdatesFor } from "./updates_for.js";
import { createUpdating } from "./updating.js";

const QUIET_MS = 300;

const acts = {
  ...createImporting(parts),
  ...createLoading(parts),
  ...createQueue(parts),
  ...createLogs(parts),
  ...createChatting(parts),
  ...createUpdating(parts),
  ...createAdministering(parts),
};

const updatesFor = createUpdatesFor({ ...parts, application });

/** @param {any} route */
function read({ view }) {
  requestAnimationFrame(() => showTab(document));
  if (view === "downloads") acts.readQueue();
  if (view === "settings") acts.readAbout();
}

/** @type {any} */
let reading = null;
function readQueueSoon() {
  clearTimeout(reading);
  reading = setTimeout(() => parts.store.get().route.view === "downloads" && acts.readQueue(), QUIET_MS);
}

extend({
  views: { installed, updates, downloads, servers, settings },
  overlays: [
    (act, value) => (value.form ? loadDialog(act, value, value.form) : null),
    (act, value) => (value.adding ? importDialog(act, value.adding, value.busy, value.notices) : null),
    (act, { route, details: known, absent, live, starred, notices }, derived) =>
      route.model ? lazy("details", details, act, route.model, known.get(route.model), derived.installed.get(route.model), derived.shown.get(route.model), live.catalog, starred.has(route.model), absent.get(route.model), notices) : null,
  ],
  acts,
  follow(route) {
    acts.followForm(route);
    acts.followAdding(route);
    acts.followLog(route);
    read(route);
  },
  hear({ type }) {
    updatesFor.hear({ type });
    if (type === "snapshot") read(parts.store.get().route);
    if (type.startsWith("library.") && type !== "library.progress") acts.readSpaceSoon();
    if (type === "library.added" || type === "library.removed") acts.readFoundAgain();
    if (type === "download.limits" || type === "download.removed") readQueueSoon();
  },
});

extend(createObserving(parts));
