/** The event that raises the generation, and the numbers of raises that must differ. */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { SYSTEM_ACTOR } from "../../domain/event.ts";
import { generationAfter, generationFloor, type Instance, type InstanceEvent } from "../../domain/instance.ts";
import type { Raised } from "../offline.ts";

export interface RaiseAt {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How far above the known generations if the clock is behind them; at least 1. */
  readonly step: number;
}

interface RaiseOptions extends RaiseAt {
  /** Of the newest record, in milliseconds since the epoch. */
  readonly recordTime: number;
  /** Generations of other timelines; the new one must differ. */
  readonly known: readonly number[];
}

/** Returns the event that raises the generation of an instance. */
export function generationRaised(
  { generation: previousGeneration }: Instance,
  { now, recordTime, known, step }: RaiseOptions,
): InstanceEvent {
  const generation = generationAfter([previousGeneration, ...known], now, step);
  // Time never goes back behind the newest record.
  const time = Math.max(now, recordTime);
  return {
    type: "GenerationRaised",
    time,
    actor: SYSTEM_ACTOR,
    data: { generation, previousGeneration },
    personal: {},
  };
}

const SECOND_MS = 1_000;
const STEP_MAX = 1_000;

/**
 * Runs a raise so that two raises from the same state differ. Within one second both would give the same number, so it
 * waits for the end of the second. Where the clock does not decide, because a known generation is ahead of it, a random
 * step makes them differ.
 */
export async function keepRaisesApart(clock: () => number, raise: (at: RaiseAt) => Promise<Raised>): Promise<Raised> {
  const now = clock();
  const raised = await raise({ now, step: randomInt(1, STEP_MAX + 1) });
  if (generationFloor(now) === raised.generation) await sleep(SECOND_MS - (now % SECOND_MS));
  return raised;
}
