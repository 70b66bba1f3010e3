/** How often properties are tried: a little in `npm test`, a lot in `npm run soak`. */
import { SCALE } from "../../support/scale.ts";

const SOAK_FACTOR = 50;

/** The options of a property; fast-check prints seed and path of a failure, which repeat it. */
export function runs(numRuns: number): { readonly numRuns: number } {
  return { numRuns: SCALE === "soak" ? numRuns * SOAK_FACTOR : numRuns };
}
