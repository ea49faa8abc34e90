// @ts-check
/** The tabs that look at what was done: Activity and Trials, and what a person may do there. */
import { show as activity } from "./activity.js";
import { createEvaluating } from "./evaluating.js";
import { createRecording } from "./recording.js";
import { createTrialing } from "./trialing.js";
import { show as trials } from "./trials.js";

const STYLES = "../figures.css";

/** @typedef {(act: any, value: any, derived: any) => any} View */
/** By the tabs' names. @type {Record<"activity" | "trials", View>} */
export const views = { activity, trials };

/** @param {any} parts @returns {{views: Record<string, View>, overlays: View[], acts: Record<string, any>, follow: (route: any) => void, hear: (frame: any) => void}} */
export function createObserving(parts) {
  const recording = createRecording(parts);
  const trialing = createTrialing(parts);
  return {
    views,
    overlays: [],
    acts: { ...recording.act, ...trialing.act, ...createEvaluating(parts) },
    follow(route) {
      if (route.view in views) dress();
      recording.follow(route);
      trialing.follow(route);
    },
    hear(frame) {
      recording.told(frame);
      trialing.told(frame);
    },
  };
}

/** Fetch the styles that only these tabs have, once. */
function dress() {
  const href = new URL(STYLES, import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = href;
  document.head.append(link);
}
