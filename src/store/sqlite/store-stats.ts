/** What is measured of the store at one moment, also while its files are lost: monitoring must not go dark with them. */
import type { StoreStats } from "../../observability/metrics.ts";
import type { GroupCommit } from "../commit/group-commit.ts";
import type { Backups } from "./file/backup.ts";
import { sizeOf } from "./file/database-file.ts";
import type { WalKeeper } from "./file/wal-keeper.ts";
import type { HotStatements } from "./write/hot-statements.ts";
import type { Writer } from "./write/writer.ts";

export interface StatsSources {
  /** The database file. */
  readonly path: string;
  readonly statements: HotStatements;
  readonly commits: GroupCommit;
  readonly writer: Writer;
  readonly wal: WalKeeper;
  readonly backups: Backups;
}

export function readStats({ path, statements, commits, writer, wal, backups }: StatsSources): StoreStats {
  const { commands, bytes } = commits.waiting;
  const { dropped, refusedFull } = commits.counts;
  const now = writer.now();
  const due = Math.min(statements.oldestDue.get(now) ?? now, statements.oldestDueCounter.get(now) ?? now);
  return {
    waitingCommands: commands,
    waitingBytes: bytes,
    droppedCommands: dropped,
    refusedCommands: refusedFull,
    walWaitMs: wal.waitedMs,
    sweepLagMs: now - due,
    databaseBytes: sizeOf(path),
    walBytes: sizeOf(`${path}-wal`),
    walPendingBytes: wal.usedBytes(),
    clockBehindMs: writer.clockBehindMs,
    backupsUnderWay: Number(backups.isUnderWay),
  };
}
