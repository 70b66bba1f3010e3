/** What is done to a database while no service runs on it. */
import type { UnknownSigner } from "./history.ts";

export type VerifyStage = "pages" | "events" | "users";

/** How far a verification is: `total` is 0 where that is not known before. */
export type VerifyProgress = (stage: VerifyStage, done: number, total: number) => void;

export interface DatabaseReport {
  readonly generation: number;
  readonly position: number;
  readonly link: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly recordTime: number;
  readonly schemaVersion: string;
  readonly events: number;
  readonly users: number;
  /** Checkpoints that were compared: those of the database, and the one that was given. */
  readonly checkpoints: number;
  /** Checkpoints whose link is that of the history, signed by keys that were not given. */
  readonly unknownSigners: readonly UnknownSigner[];
}

/** What checkpoints are judged by. */
export interface CheckpointJudge {
  /** A signed note that was kept elsewhere, compared next to those that the database has; empty: none. */
  readonly note: string;
  /** Those that may have signed, as C2SP writes them; empty: signatures are not looked at. */
  readonly verifierKeys: readonly string[];
}

export interface Migrated {
  /** The newest migration before; empty: none. */
  readonly from: string;
  /** Those that were due, in their order. */
  readonly due: readonly string[];
  /** Those that wait until no older version uses the database; they run by `migrate` with `finish`. Absent: none. */
  readonly unfinished?: readonly string[];
}

export interface Raised {
  readonly previousGeneration: number;
  readonly generation: number;
  /** Of the event. */
  readonly position: number;
}

export interface RestoreOptions {
  /** The backup. */
  readonly file: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** A database that is there is moved aside; else it is refused. */
  readonly replace: boolean;
  readonly progress?: VerifyProgress;
}

export interface Restored {
  /** As the backup had it. */
  readonly backup: DatabaseReport;
  readonly generation: number;
  /** Of the event that raised it. */
  readonly position: number;
  /** Where the database is that was there before; absent: there was none. */
  readonly movedTo?: string;
  /** The generation of the former database could not be read: the clock alone keeps the new one apart. */
  readonly isFormerUnreadable: boolean;
}

/**
 * What a move does: verifies the history of the source and its users by it, copies the rows, compares them, and verifies
 * the history of the target.
 */
export type MoveStage = "source" | "users" | "copy" | "compare" | "target";

/** How far a stage of a move is: events of a history, or rows. */
export type MoveProgress = (stage: MoveStage, done: number, total: number) => void;

export interface MoveOptions {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly progress?: MoveProgress;
}

export interface Moved {
  readonly generation: number;
  /** Of the newest event. */
  readonly position: number;
  /** Rows of each table. */
  readonly tables: Readonly<Record<string, number>>;
}

/** One database on which no service runs; on a server, the methods say where one may. Each method rejects with one plain sentence when it cannot do its work. */
export interface OfflineDatabase {
  /** Reads what it is, without writing to it; rejects when there is none, or the file is empty or of something else. */
  inspect(): Promise<Migrated>;
  /** Whether the file has nothing of lockkeeper in it yet; expects that the file is there. */
  isEmpty(): Promise<boolean>;
  /** Runs the migrations that are due; `check`: only reports them; `finish`: those too that end an upgrade. */
  migrate(options: { readonly check: boolean; readonly finish?: boolean }): Promise<Migrated>;
  /**
   * Verifies all that is in it, at one moment: the chain, its checkpoints, and that rows equal their events. Expects this
   * version's schema.
   */
  verify(progress?: VerifyProgress, judge?: CheckpointJudge): Promise<DatabaseReport>;
  /** Returns the name of the instance, the first line of its checkpoints. */
  instanceName(): Promise<string>;
  /** Makes a recovery by other means as safe as a restore. `clock`: milliseconds since the epoch. */
  raiseGeneration(clock: () => number): Promise<Raised>;
  /** Puts a verified copy of a backup in its place, under a generation that was never used before. */
  restore(options: RestoreOptions): Promise<Restored>;
}
