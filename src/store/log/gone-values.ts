/** Personal values that are gone: the event has their commitments, and nothing more. */

export interface GoneValues {
  readonly position: number;
  readonly userId: string;
  readonly sequence: number;
  /** Not empty. */
  readonly names: readonly string[];
}

/** Says that a value is gone although nothing may have erased it. */
export function goneFault(name: string): string {
  return `the personal value ${name} is gone, and no event says that it was erased`;
}
