// @ts-check
/** Asking who a token is, for as long as it takes: a registry that restarts takes nobody's token away. */

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 8_000;

/** Whether the registry is away for now, and has said nothing of the token. @param {number} status */
export function isAway(status) {
  return status === 0 || status === 429 || status >= 500;
}

/**
 * @param {object} parts
 * @param {() => Promise<any>} parts.whoAmI
 * @param {(me: any) => void} parts.onMe
 * @param {(why: string) => void} parts.onAway it is asked again by itself
 * @param {(problem: any) => void} parts.onRefused
 * @param {(run: () => void, ms: number) => any} [parts.later]
 */
export function createEntry({ whoAmI, onMe, onAway, onRefused, later = setTimeout }) {
  let turn = 0;

  /** @param {number} mine @param {number} pauseMs */
  async function ask(mine, pauseMs) {
    try {
      const me = await whoAmI();
      if (mine === turn) onMe(me);
    } catch (error) {
      if (mine !== turn) return;
      const problem = /** @type {any} */ (error);
      if (!isAway(problem.status ?? 0)) {
        onRefused(problem);
        return;
      }
      onAway(problem.message);
      later(() => mine === turn && ask(mine, Math.min(pauseMs * 2, LONGEST_PAUSE_MS)), Math.max(pauseMs, (problem.retryAfterS ?? 0) * 1000));
    }
  }

  return {
    /** Ask now, and again while nobody answers. */
    begin: () => ask((turn += 1), FIRST_PAUSE_MS),
    /** Whatever is answered to what was asked, nobody listens any more. */
    stop() {
      turn += 1;
    },
  };
}
