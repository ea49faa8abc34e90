// @ts-check
/** Which badges a change moves, before it is made. Pure: the registry's own rule, over what it has told. */

/**
 * @typedef {{id: string, name: string, models: string[], unverified: string[], compliant: boolean}} Template
 * @typedef {{id: string, name: string, before: boolean, after: boolean}} Move
 */

/** A template is compliant while it names models and all of them are verified. @param {string[]} models @param {string[]} unverified */
export function compliant(models, unverified) {
  return models.length > 0 && models.every((model) => !unverified.includes(model));
}

/** The templates that use a model, with their badges before and after it is verified or not. @param {Template[]} templates @param {string} model @param {boolean} verified @returns {Move[]} */
export function moves(templates, model, verified) {
  return templates
    .filter((template) => template.models.includes(model))
    .map((template) => {
      const others = template.unverified.filter((one) => one !== model);
      return { id: template.id, name: template.name, before: template.compliant, after: compliant(template.models, verified ? others : [...others, model]) };
    });
}

/** The version that would be served once one is withdrawn: the highest approved one that is left, or null.
 * @param {{version: number, status: string}[]} versions @param {number} withdrawn */
export function servedAfter(versions, withdrawn) {
  const left = versions.filter((one) => one.status === "approved" && one.version !== withdrawn).map((one) => one.version);
  return left.length ? Math.max(...left) : null;
}

/** What changed between two lists of templates, in words for who cannot see badges move. @param {Template[]} before @param {Template[]} after */
export function movedBadges(before, after) {
  const known = new Map(before.map((template) => [template.id, template.compliant]));
  return after
    .filter((template) => known.has(template.id) && known.get(template.id) !== template.compliant)
    .map((template) => `${template.name} is ${template.compliant ? "compliant now" : "not compliant any more"}.`);
}
