/** `lockkeeper backup`: a consistent copy of a running service's database in a file, verified. */
import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { BackupMetadata, CreateBackupResponse } from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import type { DatabaseReport } from "../store/sqlite/verify-database.ts";
import { defineCommand } from "./command.ts";
import { EXIT, Failure, usageFailure } from "./failure.ts";
import { type FlagTable, toggle, word } from "./flag.ts";
import { failing, instant, tellProgress } from "./offline.ts";
import { jsonLine, type Output } from "./output.ts";

const FLAGS = {
  "no-verify": toggle("do not verify the file; restore will"),
} satisfies FlagTable;

export const backup = defineCommand({
  name: "backup",
  meaning: "write a consistent copy of the service's whole database to a file, while it runs, and verify it",
  reach: "instance",
  words: { file: word("where the backup is to be; one that is there is overwritten only with --yes") },
  flags: FLAGS,
  examples: [
    ["backup /var/backups/lockkeeper.db", "needs backup.create for the whole instance"],
    ["backup today.db --yes --json", "overwrite, and say as JSON what is in it"],
  ],
  async run(given, { client, confirm, output, signal }) {
    const file = resolve(given.file);
    if (existsSync(file)) await confirm(`${file} is there already and would be overwritten.`);
    const partial = `${file}.partial`;
    const begin = performance.now();
    try {
      const admin = await client("admin");
      // No time-out: how long it takes is for the size of the database and the rate to say.
      const received = await receive(admin.createBackup({}, { timeoutMs: 0, signal }), partial, output);
      const seconds = (performance.now() - begin) / 1000;
      output.note(`received ${received.sizeBytes} bytes in ${seconds.toFixed(1)} s`);
      const report = given["no-verify"] ? undefined : await verified(partial, received, output);
      await rename(partial, file);
      await syncFolder(dirname(file));
      await output.write(output.json ? jsonLine(toJson(file, received, report)) : toLines(file, received, report));
      return "done";
    } catch (error) {
      rmSync(partial, { force: true });
      throw error;
    }
  },
});

/** More at once would stand in front of the service's own writes, where both have one disk. */
const SYNC_BYTES = 4_000_000;

/** Writes the stream to a file, durable at the end. A stream without its end, or with other bytes, is a failure. */
async function receive(
  pieces: AsyncIterable<CreateBackupResponse>,
  partial: string,
  output: Output,
): Promise<BackupMetadata> {
  const digest = createHash("sha256");
  let metadata: BackupMetadata | undefined;
  let end: Uint8Array | undefined;
  let bytes = 0;
  let unsynced = 0;
  const handle = await opened(partial);
  try {
    for await (const { piece } of pieces) {
      if (piece.case === "metadata") {
        metadata = piece.value;
        output.note(`receiving ${metadata.sizeBytes} bytes`);
      } else if (piece.case === "chunk") {
        digest.update(piece.value);
        await handle.writeFile(piece.value);
        bytes += piece.value.length;
        unsynced += piece.value.length;
        if (unsynced >= SYNC_BYTES) {
          await handle.datasync();
          unsynced = 0;
        }
      } else if (piece.case === "end") end = piece.value.sha256;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  const isWhole = metadata !== undefined && end !== undefined && BigInt(bytes) === metadata.sizeBytes;
  if (metadata === undefined || !isWhole || !digest.digest().equals(end ?? new Uint8Array())) {
    throw new Failure(EXIT.UNAVAILABLE, `the backup did not arrive whole (${bytes} bytes did); try again`);
  }
  return metadata;
}

async function opened(partial: string): Promise<FileHandle> {
  try {
    // Of the database's owner alone: it holds everyone's data.
    return await open(partial, "w", 0o600);
  } catch (error) {
    throw usageFailure(`${partial} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function verified(partial: string, metadata: BackupMetadata, output: Output): Promise<DatabaseReport> {
  const { verifyFile } = await import("../store/sqlite/verify-database.ts");
  const report = await failing(() => verifyFile(partial, tellProgress(output)));
  const isOfMetadata =
    BigInt(report.position) === metadata.position &&
    BigInt(report.generation) === metadata.generation &&
    Buffer.compare(report.link, metadata.link) === 0;
  if (!isOfMetadata) throw new Failure(EXIT.UNFORESEEN, "the backup is not of the moment that the service named");
  return report;
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function recordTimeOf({ recordTime }: BackupMetadata): string {
  return instant(Number(recordTime?.seconds ?? 0n) * 1000 + (recordTime?.nanos ?? 0) / 1e6);
}

function toJson(file: string, metadata: BackupMetadata, report: DatabaseReport | undefined) {
  return {
    file,
    sizeBytes: `${metadata.sizeBytes}`,
    generation: `${metadata.generation}`,
    position: `${metadata.position}`,
    link: Buffer.from(metadata.link).toString("base64"),
    recordTime: recordTimeOf(metadata),
    schemaVersion: metadata.schemaVersion,
    verified: report !== undefined,
    ...(report === undefined ? {} : { events: `${report.events}`, users: `${report.users}` }),
  };
}

function toLines(file: string, metadata: BackupMetadata, report: DatabaseReport | undefined): string {
  const state = `generation ${metadata.generation}, position ${metadata.position}, as of ${recordTimeOf(metadata)}`;
  const check =
    report === undefined
      ? "not verified"
      : `verified: every page, ${report.events} events in an unbroken chain, ${report.users} users as their events give`;
  return `${file}: ${metadata.sizeBytes} bytes, ${state}\n${check}\n`;
}
