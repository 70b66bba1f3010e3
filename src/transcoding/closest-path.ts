/** Which path that is served one that is not most likely stands for. */
import { findClosestName } from "./closest-name.ts";

/** Longer ones are nobody's typing; it also bounds the work that a hostile path can cause. */
const PATH_CHARS_MAX = 300;

/** `/v1/users/alice/lock` for `/v1/users/{user_id}:lock`: whether a slash or a colon stands before a word matters little. */
function stepsOf(path: string): readonly string[] {
  return path.split(/[/:]/).filter((step) => step !== "");
}

/** The template that is closest to a path; `undefined`: none is close. */
export function findClosestPath(path: string, templates: Iterable<string>): string | undefined {
  if (path.length > PATH_CHARS_MAX) {
    return undefined;
  }
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

/** How many words differ; infinite where a word is another one, or more or fewer stand there, the version apart. */
function costOf(steps: readonly string[], wanted: readonly string[]): number {
  const [version = ""] = wanted;
  const isVersionMissing = steps.length === wanted.length - 1 && /^v\d+$/.test(version);
  const own = isVersionMissing ? [version, ...steps] : steps;
  if (own.length !== wanted.length || own.length === 0) {
    return Number.POSITIVE_INFINITY;
  }
  let cost = isVersionMissing ? 1 : 0;
  for (const [index, step] of own.entries()) {
    const word = wanted[index] ?? "";
    if (word === step || word.startsWith("{")) {
      continue;
    }
    if (findClosestName(step, [word]) === undefined) {
      return Number.POSITIVE_INFINITY;
    }
    cost++;
  }
  return cost;
}
