/** How large tests are that could go on forever: as `npm test`, `npm run test:all` and `npm run soak` ask. */

export interface Figures {
  /** Of `npm test`, for each change. */
  readonly quick: number;
  /** Of `npm run test:all`, which CI runs; absent: no larger than `quick`. */
  readonly full?: number;
  /** Of `npm run soak`: what an issue promises. */
  readonly soak: number;
}

const SCALES = ["quick", "full", "soak"] as const;

export type Scale = (typeof SCALES)[number];

function readScale(value: string): Scale {
  const scale = SCALES.find((each) => each === value);
  if (scale === undefined) throw new Error(`TEST_SCALE: ${value} is not allowed; it must be ${SCALES.join(", ")}`);
  return scale;
}

export const SCALE: Scale = readScale(process.env.TEST_SCALE ?? "quick");

/** Returns the figure of the scale that this run has. */
export function scaled(figures: Figures): number {
  return figures[SCALE] ?? figures.quick;
}
