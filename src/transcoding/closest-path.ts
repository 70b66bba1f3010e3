/** Finds the served path that an unknown one most likely stands for. */
import { findClosestName } from "./closest-name.ts";

/** Nobody types a longer path; the limit also bounds the work that a hostile path can cause. */
const PATH_CHARS_MAX = 300;

/** Splits a path at slashes and colons, so that `/v1/users/alice/lock` is close to `/v1/users/{user_id}:lock`. */
function stepsOf(path: string): readonly string[] {
  return path.split(/[/:]/).filter((step) => step !== "");
}

/** Returns the template that is closest to a path; undefined if none is close. */
export function findClosestPath(path: string, templates: Iterable<string>): string | undefined {
  if (path.length > PATH_CHARS_MAX) return undefined;
  const steps = stepsOf(path);
  let best: string | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const template of templates) {
    const cost = costOf(steps, stepsOf(template));
    if (cost < bestCost) {
      best = template;
      bestCost = cost;
    }
  }
  return best;
}

const ENDING_CHARS_MIN = 3;

/**
 * Returns whether a step is a shortened word or has another ending: `health` for `healthz`, `openapi.yaml` for
 * `openapi.json`, `orgs` for `organizations`.
 */
function isShortFor(step: string, word: string): boolean {
  const stem = step.toLowerCase().replace(/\..*$|s$/, "");
  return stem.length >= ENDING_CHARS_MIN && word.toLowerCase().startsWith(stem);
}

/**
 * Returns how many words differ; infinite if a word is entirely different or their number differs, except for a missing
 * version.
 */
function costOf(steps: readonly string[], wanted: readonly string[]): number {
  const [version = ""] = wanted;
  const isVersionMissing = steps.length === wanted.length - 1 && /^v\d+$/.test(version);
  const own = isVersionMissing ? [version, ...steps] : steps;
  if (own.length !== wanted.length || own.length === 0) return Number.POSITIVE_INFINITY;
  let cost = isVersionMissing ? 1 : 0;
  for (const [index, step] of own.entries()) {
    const word = wanted[index] ?? "";
    if (word === step || word.startsWith("{")) continue;
    if (findClosestName(step, [word]) !== undefined) {
      cost++;
    } else if (isShortFor(step, word)) {
      cost += 2;
    } else {
      return Number.POSITIVE_INFINITY;
    }
  }
  return cost;
}
