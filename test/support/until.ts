/** Waiting for what is about to be so. */
import { setTimeout as delay } from "node:timers/promises";

const PAUSE_MS = 5;
/** Half a minute and more: a busy machine may be slow, but what never comes must be reported. */
const POLLS_MAX = 6_000;

/** Asks again and again; `what` is reported when it never comes. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let polls = 0; !(await isSo()); polls++) {
    if (polls === POLLS_MAX) throw new Error(`waited in vain for ${what}`);
    await delay(PAUSE_MS);
  }
}
