/** Measures the store, also while its files are lost: monitoring must go on then. */
import type { GroupCommit } from "../commit/group-commit.ts";
import type { EngineMetric, StoreStats } from "../stats.ts";
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
  /** Whether checkpoints are written. */
  readonly signs: boolean;
}

const MS_PER_SECOND = 1000;

export function readStats({ path, statements, commits, writer, wal, backups, signs }: StatsSources): StoreStats {
  const { commands, bytes } = commits.waiting;
  const { dropped, refusedFull } = commits.counts;
  const now = writer.now();
  const due = Math.min(statements.oldestDue.get(now) ?? now, statements.oldestDueCounter.get(now) ?? now);
  const work = statements.readOpenWork.get();
  return {
    waitingCommands: commands,
    waitingBytes: bytes,
    droppedCommands: dropped,
    refusedCommands: refusedFull,
    sweepLagMs: now - due,
    checkpointAgeMs: signs ? Math.max(0, now - (work?.uncovered_since ?? now)) : 0,
    openErasures: work?.open_erasures ?? 0,
    clockBehindMs: writer.clockBehindMs,
    engine: [
      {
        name: "lockkeeper_wal_wait_seconds_total",
        help: "Time that the writer waited for room in the write-ahead log.",
        kind: "counter",
        value: wal.waitedMs / MS_PER_SECOND,
      },
      gauge("lockkeeper_database_bytes", "Size of the database file.", sizeOf(path)),
      gauge(
        "lockkeeper_wal_bytes",
        "Size of the file of the write-ahead log; it is used again.",
        sizeOf(`${path}-wal`),
      ),
      gauge(
        "lockkeeper_wal_pending_bytes",
        "What of the write-ahead log is still to be moved into the database.",
        wal.usedBytes(),
      ),
      gauge(
        "lockkeeper_backups_under_way",
        "Backups being made, 0 or 1; the write-ahead log grows meanwhile.",
        Number(backups.isUnderWay),
      ),
    ],
  };
}

function gauge(name: string, help: string, value: number): EngineMetric {
  return { name, help, kind: "gauge", value };
}
