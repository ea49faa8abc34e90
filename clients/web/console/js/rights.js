// @ts-check
/** What is worth showing to a token. What is allowed the registry decides, request by request. */

/** @typedef {{principal: string, scopes: string[], token_id: string, expires_at: string, registry: string, four_eyes: boolean}} Me */

/** Whether the token may do what `scope` names: every scope reads, `admin` verifies too. @param {Me} me @param {string} scope */
export function can(me, scope) {
  if (me.scopes.includes(scope)) return true;
  if (scope === "read") return me.scopes.length > 0;
  return scope === "verify" && me.scopes.includes("admin");
}

/** Publishers under whose names the token may publish. @param {Me} me */
export function publishersOf(me) {
  return me.scopes.filter((scope) => scope.startsWith("publish:")).map((scope) => scope.slice("publish:".length));
}

/** Whether the token may publish versions of a model. @param {Me} me @param {string} model */
export function canPublish(me, model) {
  return publishersOf(me).includes(model.split("/")[0]);
}

/** Why a person cannot decide on a version, or null: the registry would refuse it for this reason.
 * @param {Me} me @param {{published_by: string, status: string}} version */
export function whyNotDecide(me, version) {
  if (version.status !== "pending") return `It is ${version.status}: nothing is left to decide.`;
  if (me.four_eyes && version.published_by === me.principal) return "You published this version yourself. Four eyes: another reviewer has to decide on it.";
  return null;
}
