/** How often properties are tried: a little in `npm test`, a lot in `npm run soak`. */

const SOAK_FACTOR = 50;

/** The options of a property; fast-check prints seed and path of a failure, which repeat it. */
export function runs(numRuns: number): { readonly numRuns: number } {
  return { numRuns: process.env.LOCKKEEPER_SOAK === "1" ? numRuns * SOAK_FACTOR : numRuns };
}
