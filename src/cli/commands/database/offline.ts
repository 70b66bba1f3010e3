/** Shared by the commands on a database itself: its flag, its errors, and its progress. */
import { DATABASE } from "../../../config-values.ts";
import type { OfflineDatabase, VerifyProgress } from "../../../store/offline.ts";
import type { DatabaseAddress } from "../../../store/open-store.ts";
import { EXIT, Failure, usageFailure } from "../../frame/failure.ts";
import { value } from "../../frame/flag.ts";
import type { Output } from "../../frame/output.ts";

/** Never from the environment: the command line must name a database that is rewritten. */
export const DATABASE_FLAG = value(
  DATABASE.placeholder,
  "the database; a service on a file must be stopped",
  DATABASE.parse,
);

/** Returns a database and, for people, where it is. Throws a Failure if its address is not allowed. */
export async function openGiven(
  database: DatabaseAddress | undefined,
): Promise<{ readonly offline: OfflineDatabase; readonly place: string }> {
  if (database === undefined) {
    throw usageFailure("--database is required, such as --database sqlite:data/lockkeeper.db");
  }
  const { describeDatabase, openOffline } = await import("../../../store/open-store.ts");
  const place = await describeDatabase(database).catch((error: Error) => {
    throw usageFailure(`--database: ${error.message}`);
  });
  return { offline: await openOffline(database), place };
}

/** Turns the store's sentences into Failures; any other error stays unexpected. */
export async function failing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || error.constructor !== Error) throw error;
    throw new Failure(EXIT.REFUSED, error.message, { cause: error });
  }
}

const REPORT_EVERY_MS = 2_000;

/** Returns a listener that prints each stage of a verification, and its progress every two seconds. */
export function reportProgress(output: Output): VerifyProgress {
  let lastStage = "";
  let lastTime = 0;
  return (stage, done, total) => {
    const now = performance.now();
    if (stage === lastStage && now - lastTime < REPORT_EVERY_MS) return;
    [lastStage, lastTime] = [stage, now];
    const of = total === 0 ? "" : ` of ${total}`;
    output.note(stage === "pages" ? "verifying the pages" : `verifying the ${stage}: ${done}${of}`);
  };
}
