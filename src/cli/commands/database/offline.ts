/** What the commands share that work on a database itself: its flag, the way they fail, and how they tell what they do. */
import { SETTINGS } from "../../../config.ts";
import type { VerifyProgress } from "../../../store/offline.ts";
import { EXIT, Failure } from "../../frame/failure.ts";
import { value } from "../../frame/flag.ts";
import type { Output } from "../../frame/output.ts";

/** Not from the environment: what is rewritten should be named. */
export const DATABASE_FLAG = value("sqlite:PATH", "the database; its service must be stopped", SETTINGS.database.parse);

/** The sentences of the store are the command's; whatever else goes wrong stays unforeseen. */
export async function failing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || error.constructor !== Error) throw error;
    throw new Failure(EXIT.REFUSED, error.message, { cause: error });
  }
}

const TELL_EVERY_MS = 2_000;

/** Tells each stage of a verification, and how far it is every two seconds. */
export function tellProgress(output: Output): VerifyProgress {
  let toldStage = "";
  let toldTime = 0;
  return (stage, done, total) => {
    const now = performance.now();
    if (stage === toldStage && now - toldTime < TELL_EVERY_MS) return;
    [toldStage, toldTime] = [stage, now];
    const of = total === 0 ? "" : ` of ${total}`;
    output.note(stage === "pages" ? "verifying the pages" : `verifying the ${stage}: ${done}${of}`);
  };
}
