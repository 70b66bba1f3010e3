/** The instance as a whole. A restore raises its generation, so that nothing of a lost timeline is accepted. */

/** The generation of a fresh database. */
export const FIRST_GENERATION = 1;
/** 31 bits: with the user's epoch below it, a double holds it exactly. */
const GENERATION_MAX = 2 ** 31 - 1;
const EPOCH_BITS = 22n;
/** 2025-01-01: the floor of a raised generation counts seconds from here. */
const FLOOR_ORIGIN_MS = Date.UTC(2025, 0, 1);

/** Instants are milliseconds since the epoch, UTC. */
export interface Instance {
  readonly generation: number;
  /** The number of its events; 0: none yet. */
  readonly sequence: number;
  readonly changeTime: number;
}

export interface InstanceEvent {
  readonly type: "GenerationRaised";
  readonly time: number;
  readonly actor: string;
  readonly data: { readonly generation: number; readonly previousGeneration: number };
  readonly personal: Readonly<Record<string, string>>;
}

export function evolveInstance(before: Instance, event: InstanceEvent): Instance {
  return { generation: event.data.generation, sequence: before.sequence + 1, changeTime: event.time };
}

/**
 * Returns a generation that no timeline has used: above every known one, and not below the seconds since 2025-01-01.
 * The clock covers lost timelines; the caller must keep two raises in one second apart. `step`, at least 1: how far to
 * go above the known generation if that is ahead of the clock. Throws if 31 bits do not hold it, in 2093.
 */
export function generationAfter(known: readonly number[], now: number, step = 1): number {
  const floor = generationFloor(now);
  const highest = Math.max(...known);
  const generation = highest < floor ? floor : highest + step;
  if (generation > GENERATION_MAX) {
    throw new Error(`the generation would be ${generation}; at most ${GENERATION_MAX} is allowed: is the clock right?`);
  }
  return generation;
}

/** Returns the whole seconds since 2025-01-01, at least FIRST_GENERATION. */
export function generationFloor(now: number): number {
  return Math.max(FIRST_GENERATION, Math.floor((now - FLOOR_ORIGIN_MS) / 1000));
}

/**
 * Returns a revocation epoch as callers see it: generation · 2^22 + the user's own count. It never repeats after a
 * restore. With 31 bits of generation it stays below 2^53: tokens carry it as a JSON number, and a double holds it
 * exactly. The count of a user whose sessions ended over four million times reaches into the generation's bits, and the
 * epoch still only grows.
 */
export function revocationEpochOf(generation: number, epoch: number): bigint {
  return (BigInt(generation) << EPOCH_BITS) + BigInt(epoch);
}
