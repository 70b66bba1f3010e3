/** Raises the generation of a database that no service uses: one event and one row. */
import type { Database } from "better-sqlite3";
import { SYSTEM_ACTOR } from "../../../domain/event.ts";
import { evolveInstance } from "../../../domain/instance.ts";
import { INSTANCE_KEY } from "../../commit/entries.ts";
import { WorkingSet } from "../../commit/working-set.ts";
import { generationRaised, keepRaisesApart } from "../../log/raised-generation.ts";
import type { Raised } from "../../offline.ts";
import { migrate } from "../migrate.ts";
import { forgetMove } from "../moves.ts";
import { entryLoaders } from "../write/entry-loaders.ts";
import { prepareHotStatements } from "../write/hot-statements.ts";
import { writeChanges } from "../write/write-batch.ts";
import { withExisting } from "./inspect-file.ts";

export interface RaiseOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The cause, for the history. */
  readonly via: "restore" | "recovery";
  /** Generations of other timelines; the new one must differ. */
  readonly known?: readonly number[];
  /** How far above the known generations if the clock is behind them; at least 1, the default. */
  readonly step?: number;
}

/** Raises the generation of a migrated database in one durable transaction. The caller holds the lock of the file. */
export function raiseGeneration(database: Database, { now, via, known = [], step = 1 }: RaiseOptions): Raised {
  const statements = prepareHotStatements(database);
  const raise = database.transaction((): Raised => {
    const set = new WorkingSet(entryLoaders(statements));
    const entry = set.get(INSTANCE_KEY);
    const recordTime = statements.readRecordTime.get() ?? 0;
    const event = generationRaised(entry.instance, { now, recordTime, known, step });
    const { time } = event;
    entry.instance = evolveInstance(entry.instance, event);
    entry.isChanged = true;
    const { sequence } = entry.instance;
    const pending = { event, organizationId: null, userId: null, apiKeyId: undefined, sequence, via, requestId: "" };
    const context = { actor: SYSTEM_ACTOR, via, scope: null, validateOnly: false };
    const accepted = [{ entry, events: [pending], context, answer: null, answerUserId: null }];
    writeChanges(statements, time, { accepted, entries: set.changed() });
    // A copy or a recovered file is no longer the database that was moved: it begins a history of its own.
    forgetMove(database);
    // Nothing verifies summaries, and a wrong one would hide events from lists; the service makes them again.
    database.exec("DELETE FROM event_summaries");
    return { ...event.data, position: entry.lastPosition ?? 0 };
  });
  return raise.immediate();
}

/** Makes a point-in-time recovery by other means as safe as a restore. Rejects with one plain sentence. */
export function raiseFileGeneration(given: string, clock: () => number): Promise<Raised> {
  return withExisting(given, async (database, path) => {
    migrate(database, path);
    return raiseApart(database, { clock, via: "recovery", known: [] });
  });
}

interface RaiseApart {
  readonly clock: () => number;
  readonly via: "restore" | "recovery";
  readonly known: readonly number[];
}

/** Raises the generation so that two raises from the same state differ. */
export function raiseApart(database: Database, { clock, ...options }: RaiseApart): Promise<Raised> {
  return keepRaisesApart(clock, async (at) => raiseGeneration(database, { ...at, ...options }));
}
