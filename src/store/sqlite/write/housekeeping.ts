/** What is written without events: the activity of sessions, the secret of shadows, and what the sweeper deletes. */
import { REQUEST_KEPT_MS } from "../../commit/batch.ts";
import type { CheckpointSigner } from "../../history.ts";
import type { Limits } from "../../limits.ts";
import type { ListReader } from "../../lists/list-reader.ts";
import { toDueCounter } from "../../rows/attempt-rows.ts";
import { clearTimeBefore } from "../../rows/rows.ts";
import { Eraser } from "../../upkeep/eraser.ts";
import { SessionActivity } from "../../upkeep/session-activity.ts";
import { Shadows } from "../../upkeep/shadows.ts";
import { Summaries } from "../../upkeep/summaries.ts";
import { Sweeper, type SweeperOptions } from "../../upkeep/sweeper.ts";
import { Tombstones } from "../../upkeep/tombstones.ts";
import { type CheckpointParts, createCheckpointWriter } from "../checkpoints.ts";
import { eraseStep } from "./erase.ts";
import type { HotStatements } from "./hot-statements.ts";
import type { LiveConnection } from "./live-connection.ts";

export interface HousekeepingOptions extends Pick<SweeperOptions, "intervalMs" | "onTrouble"> {
  readonly connection: LiveConnection;
  readonly statements: HotStatements;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: () => number;
}

/** Returns the last activity of sessions, which is written from time to time. */
export function createActivity({ connection, statements, ...options }: HousekeepingOptions): SessionActivity {
  return new SessionActivity({
    ...options,
    write: (times) =>
      connection.write(() => {
        for (const [id, time] of times) statements.touchSession.run(time, id, time);
      }),
  });
}

/** Returns the pseudonyms of unknown users. */
export function createShadows({ connection, statements }: HousekeepingOptions): Shadows {
  return new Shadows({
    read: (name) => statements.readSecret.get(name),
    insert: (name, secret) => connection.write(() => void statements.insertSecret.run(name, secret)),
  });
}

/** How long one step may erase on the writer's thread, in milliseconds; its COMMIT comes on top. */
const ERASE_MS = 5;

/** Returns what erases users. `onErased`: called when pages with erased values were written over. */
export function createEraser(
  { connection, statements, now, onTrouble }: HousekeepingOptions,
  onErased: () => void,
): Eraser {
  return new Eraser({
    onTrouble,
    find: (limit) => connection.read(() => statements.findErasures.all(limit)),
    async step(userIds) {
      const open: string[] = [];
      await connection.write(() => {
        const endTime = performance.now() + ERASE_MS;
        const isLate = (): boolean => performance.now() >= endTime;
        for (const userId of userIds) {
          // Who has no turn in this step is open still.
          if (isLate() || eraseStep(statements, userId, now(), isLate)) open.push(userId);
        }
      });
      onErased();
      return open;
    },
  });
}

export interface SweepOptions
  extends HousekeepingOptions,
    Pick<SweeperOptions, "execute">,
    Pick<CheckpointParts, "database" | "checkpointMs"> {
  readonly limits: Limits;
  readonly eraser: Eraser;
  readonly reader: Pick<ListReader, "listEvents" | "listUserEvents" | "summarise">;
  /** Absent: there are no checkpoints. */
  readonly signer: CheckpointSigner | undefined;
}

/** Returns a sweeper that runs from now on. */
export function createSweeper(given: SweepOptions): Sweeper {
  const { connection, statements, now, limits, eraser, reader, signer, database, checkpointMs, ...options } = given;
  const checkpoints = signer && createCheckpointWriter({ database, connection, now, signer, checkpointMs });
  // A place without its counter would count for nobody, and its end would bring the counter back without organization.
  const deleteShadows = (statement: HotStatements["deleteKeptShadows"], limit: number): Promise<number> =>
    connection.delete(() => {
      const deleted = statement.all({ now: now(), max: limits.shadowsMax, limit });
      for (const { subject, factor } of deleted) statements.deletePlaces.run(subject, factor);
      return deleted.length;
    });
  const summaries = new Summaries({
    head: () => connection.read(() => statements.readHeadPosition.get()),
    read: (count) => reader.summarise(count),
    write: (rows) =>
      connection.write(() => {
        for (const { block, organizations, actors, types } of rows) {
          statements.insertSummary.run(block, organizations, actors, types);
        }
      }),
  });
  const tombstones = new Tombstones({ keptMs: limits.deletedKeptMs, now, reader, execute: options.execute });
  return new Sweeper({
    ...options,
    eraseDeleted: () => tombstones.sweep(),
    erase: () => eraser.sweep(),
    summarise: summaries.writeSome,
    writeCheckpoint: checkpoints && (() => checkpoints.writeIfDue()),
    usersMax: limits.sweepUsers,
    findDue: (limit) => connection.read(() => statements.findDue.all(now(), limit)),
    findDueCounters: (limit) => connection.read(() => statements.findDueCounters.all(now(), limit)).map(toDueCounter),
    deleteOld: [
      (limit) => connection.delete(() => statements.deleteOldRequests.run(limit, now() - REQUEST_KEPT_MS).changes),
      (limit) =>
        connection.delete(
          () => statements.deleteOldSessions.run(clearTimeBefore(now(), limits.sessionKeptMs), limit).changes,
        ),
      (limit) => connection.delete(() => statements.deleteOldAttempts.run(now() - limits.attemptKeptMs, limit).changes),
      (limit) => deleteShadows(statements.deleteKeptShadows, limit),
      (limit) => deleteShadows(statements.deleteRestedShadows, limit),
    ],
  });
}
