/** `lockkeeper backup`: writes a consistent, verified copy of a running service's database to a file. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { BackupMetadata, CreateBackupResponse } from "../../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import type { DatabaseReport, VerifyProgress } from "../../../store/offline.ts";
import { defineCommand } from "../../frame/command.ts";
import { EXIT, Failure } from "../../frame/failure.ts";
import { type FlagTable, toggle, word } from "../../frame/flag.ts";
import type { Output } from "../../frame/output.ts";
import { counted, instantText } from "../../frame/text.ts";
import { failing, reportProgress } from "./offline.ts";
import { isFileThere, makePartialFile, type PartialFile } from "./partial-file.ts";

const FLAGS = {
  "no-verify": toggle("skip the verification; restore verifies the file anyway"),
} satisfies FlagTable;

export const backup = defineCommand({
  name: "backup",
  meaning: "write a consistent copy of a running service's whole database to a file, and verify it",
  reach: "instance",
  words: {
    file: {
      ...word("the file to write; an existing file is overwritten only with --yes"),
      isFile: true,
    },
  },
  flags: FLAGS,
  examples: [
    ["backup /var/backups/lockkeeper.db", "needs backup.create for the whole instance"],
    ["backup today.db --yes --json", "overwrite, and print what is in it as JSON"],
  ],
  async run(given, { client, confirm, output, address, signal, timeoutMs: idleMs = IDLE_MS }) {
    const file = resolve(given.file);
    const replace = isFileThere(file);
    if (replace) await confirm(`${file} already exists and would be overwritten.`);
    const admin = await client("admin");
    const begin = performance.now();
    const partial = await makePartialFile(file, { replace });
    try {
      const idle = new IdleLimit(idleMs, address.server);
      // Without a timeout: the duration depends on the size of the database and on the rate.
      const pieces = admin.createBackup({}, { timeoutMs: 0, signal: AbortSignal.any([signal, idle.signal]) });
      const received = await idle.bounds(() => receive(pieces, { partial, output, arrived: () => idle.renew() }));
      const seconds = (performance.now() - begin) / 1000;
      output.note(`received ${received.sizeBytes} bytes in ${seconds.toFixed(1)} s`);
      const showProgress = reportProgress(output);
      const progress: VerifyProgress = (...at) => {
        signal.throwIfAborted();
        showProgress(...at);
      };
      const report = given["no-verify"] ? undefined : await verified(partial.path, received, progress);
      // The event loop first delivers an interrupt that arrived after the last progress.
      await setImmediate();
      signal.throwIfAborted();
      await partial.settle();
      await output.object(toJson(file, received, report), {
        lines: () => toLines(file, received, report),
        name: () => file,
      });
      return "done";
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new Failure(EXIT.INTERRUPTED, `interrupted; ${file} was not written`, { cause: error });
    } finally {
      await partial.discard();
    }
  },
});

/** A host that vanished sends nothing more, and TCP reports that only after many minutes. */
const IDLE_MS = 60_000;

/** Ends a call when nothing has arrived for a while. */
class IdleLimit {
  readonly #ms: number;
  readonly #server: URL;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, server: URL) {
    this.#ms = ms;
    this.#server = server;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  renew(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), this.#ms);
  }

  async bounds<T>(work: () => Promise<T>): Promise<T> {
    this.renew();
    try {
      return await work();
    } catch (error) {
      if (!this.signal.aborted) throw error;
      const sentence = `nothing arrived from ${this.#server.origin} for ${this.#ms} ms; try again`;
      throw new Failure(EXIT.UNAVAILABLE, sentence, { cause: error });
    } finally {
      clearTimeout(this.#timer);
    }
  }
}

/** A larger sync would delay the service's own writes if both use one disk. */
const SYNC_BYTES = 4_000_000;

interface Receive {
  readonly partial: PartialFile;
  readonly output: Output;
  /** Called for each piece. */
  readonly arrived: () => void;
}

/** Writes the stream to a file and syncs it. Throws a Failure for a stream without its end, or with other bytes. */
async function receive(
  pieces: AsyncIterable<CreateBackupResponse>,
  { partial: { handle }, output, arrived }: Receive,
): Promise<BackupMetadata> {
  const digest = createHash("sha256");
  let metadata: BackupMetadata | undefined;
  let end: Uint8Array | undefined;
  let bytes = 0;
  let unsynced = 0;
  for await (const { piece } of pieces) {
    arrived();
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
  const isWhole = metadata !== undefined && end !== undefined && BigInt(bytes) === metadata.sizeBytes;
  if (metadata === undefined || !isWhole || !digest.digest().equals(end ?? new Uint8Array())) {
    throw new Failure(EXIT.UNAVAILABLE, `the backup is incomplete (${bytes} bytes arrived); try again`);
  }
  return metadata;
}

async function verified(partial: string, metadata: BackupMetadata, progress: VerifyProgress): Promise<DatabaseReport> {
  const { verifyBackup } = await import("../../../store/open-store.ts");
  const report = await failing(() => verifyBackup(partial, progress));
  const isOfMetadata =
    BigInt(report.position) === metadata.position &&
    BigInt(report.generation) === metadata.generation &&
    Buffer.compare(report.link, metadata.link) === 0;
  if (!isOfMetadata) {
    throw new Failure(EXIT.UNFORESEEN, "the backup does not match the position that the service announced");
  }
  return report;
}

function toJson(file: string, metadata: BackupMetadata, report: DatabaseReport | undefined) {
  return {
    file,
    sizeBytes: `${metadata.sizeBytes}`,
    generation: `${metadata.generation}`,
    position: `${metadata.position}`,
    link: Buffer.from(metadata.link).toString("base64"),
    recordTime: instantText(metadata.recordTime),
    schemaVersion: metadata.schemaVersion,
    verified: report !== undefined,
    ...(report === undefined ? {} : { events: `${report.events}`, users: `${report.users}` }),
  };
}

function toLines(file: string, metadata: BackupMetadata, report: DatabaseReport | undefined): string {
  const state = `generation ${metadata.generation}, position ${metadata.position}, as of ${instantText(metadata.recordTime)}`;
  const check =
    report === undefined
      ? "not verified"
      : `verified: every page, ${counted(report.events, "event")} in an unbroken chain, ${counted(report.users, "user")} against the events`;
  return `${file}: ${metadata.sizeBytes} bytes, ${state}\n${check}\n`;
}
