/** Load at a rate: calls are sent when they are due, whether or not earlier ones are answered. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Sample, sampleOf } from "./load.ts";

/** Calls that follow each other. `due`: when the first one should begin; `took`: takes how long each took. */
export type PacedStep = (index: number, due: number, took: (ms: number) => void) => Promise<void>;

/**
 * Sends steps for so long; a wait behind a stall counts. What begins before `settleMs` is over does not. Rejects with the
 * first refusal, after all that was sent has been answered.
 */
export async function runPaced(
  stepsPerSecond: number,
  { settleMs, seconds }: { readonly settleMs: number; readonly seconds: number },
  step: PacedStep,
): Promise<Sample> {
  const times: number[] = [];
  const steps: Promise<void>[] = [];
  const failures: unknown[] = [];
  const begin = performance.now();
  const end = begin + settleMs + seconds * 1000;
  while (performance.now() < end && failures.length === 0) {
    for (;;) {
      const due = begin + (steps.length * 1000) / stepsPerSecond;
      if (due > performance.now()) break;
      const isMeasured = due >= begin + settleMs;
      const sent = step(steps.length, due, (ms) => void (isMeasured && times.push(ms)));
      // A refusal that nobody awaits yet would end the process, and what the caller has started would go on.
      steps.push(sent.catch((error: unknown) => void failures.push(error)));
    }
    await sleep(1);
  }
  await Promise.all(steps);
  if (failures.length > 0) throw failures[0];
  return sampleOf(Float64Array.from(times).sort(), seconds);
}
