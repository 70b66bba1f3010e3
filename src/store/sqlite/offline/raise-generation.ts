/** Raises the generation of a database that no service uses: one event and one row. */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "better-sqlite3";
import { SYSTEM_ACTOR } from "../../../domain/event.ts";
import { evolveInstance, generationAfter, generationFloor, type InstanceEvent } from "../../../domain/instance.ts";
import { INSTANCE_KEY } from "../../commit/entries.ts";
import { WorkingSet } from "../../commit/working-set.ts";
import type { Raised } from "../../offline.ts";
import { migrate } from "../migrate.ts";
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
    const previousGeneration = entry.instance.generation;
    const generation = generationAfter([previousGeneration, ...known], now, step);
    // Time never goes back behind the newest record.
    const time = Math.max(now, statements.readRecordTime.get() ?? 0);
    const event: InstanceEvent = {
      type: "GenerationRaised",
      time,
      actor: SYSTEM_ACTOR,
      data: { generation, previousGeneration },
      personal: {},
    };
    entry.instance = evolveInstance(entry.instance, event);
    entry.isChanged = true;
    const { sequence } = entry.instance;
    const pending = { event, organizationId: null, userId: null, apiKeyId: undefined, sequence, via, requestId: "" };
    const context = { actor: SYSTEM_ACTOR, via, scope: null, validateOnly: false };
    const accepted = [{ entry, events: [pending], context, answer: null }];
    writeChanges(statements, time, { accepted, entries: set.changed() });
    return { previousGeneration, generation, position: entry.lastPosition ?? 0 };
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

const SECOND_MS = 1_000;
const STEP_MAX = 1_000;

/**
 * Raises the generation so that two raises from the same state differ. Within one second both would give the same
 * number, so it waits for the end of the second. Where the clock does not decide, because a known generation is ahead
 * of it, a random step makes them differ.
 */
export async function raiseApart(database: Database, { clock, ...options }: RaiseApart): Promise<Raised> {
  const now = clock();
  const raised = raiseGeneration(database, { now, step: randomInt(1, STEP_MAX + 1), ...options });
  if (generationFloor(now) === raised.generation) await sleep(SECOND_MS - (now % SECOND_MS));
  return raised;
}
