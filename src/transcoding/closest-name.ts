/** Finds the known name that a misspelt one most likely stands for. */

/** A longer name cannot be a misspelt field; it also bounds the work that a hostile name can cause. */
const NAME_LENGTH_MAX = 64;

/** The number of names that a sentence lists. */
const LISTED_NAMES_MAX = 20;

/** Returns the end of the sentence "x is unknown": the name that was probably meant, or the allowed names. */
export function suggest(name: string, known: readonly string[]): string {
  const closest = findClosestName(name, known);
  if (closest !== undefined) return `; did you mean ${closest}?`;
  if (known.length === 0) return "; none is allowed here";
  const more = known.length > LISTED_NAMES_MAX ? ", …" : "";
  return `; allowed are ${known.slice(0, LISTED_NAMES_MAX).join(", ")}${more}`;
}

/**
 * Returns the closest of the names within a distance of 2 (1 for names of up to three characters); undefined if there
 * is none.
 */
export function findClosestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > NAME_LENGTH_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = name.length <= 3 ? 2 : 3;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) < bestDistance) {
      const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
      if (distance < bestDistance) {
        best = candidate;
        bestDistance = distance;
      }
    }
  }
  return best;
}

/** Counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
