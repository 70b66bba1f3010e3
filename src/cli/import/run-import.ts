/** Runs an import from the file to the summary: reads, sends, saves its progress, and resumes an interrupted import. */
import { ConnectError } from "@connectrpc/connect";
import { IfExists, type ImportUsersResponse } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { EXIT, Failure, usageFailure } from "../frame/failure.ts";
import { nameOfCode } from "../frame/service/call-failure.ts";
import { counted } from "../frame/text.ts";
import {
  type ImportRequest,
  isRefusedOutright,
  type RequestTerms,
  type RowOutcome,
  type SendOptions,
  sendBatch,
} from "./batch.ts";
import { Checkpoint, type Counts, NO_COUNTS, type Progress, type Terms } from "./checkpoint.ts";
import { WouldBeCreated } from "./dry-run.ts";
import type { FailedRow } from "./error-file.ts";
import { type ErrorFileOptions, FailedRows } from "./failed-rows.ts";
import type { Input } from "./input.ts";
import { Pipeline } from "./pipeline.ts";
import { ProgressLines, type ProgressOptions } from "./progress-lines.ts";
import { DocumentFault } from "./read/json-elements.ts";
import { type Format, type Mapped, RowFault, type Source, shown, type UserInit } from "./row.ts";
import { type Row, readRows } from "./rows.ts";

/** Requests in flight: enough that the service always has a batch to write. */
const IN_FLIGHT_MAX = 4;
/** The most bytes of the file in a batch: JSON grows up to sixfold in binary form, and a request may have 4 MiB. */
const BATCH_BYTES_MAX = 512 * 1024;

export interface ImportOptions {
  readonly input: Input;
  readonly format: Format;
  readonly source: Source;
  readonly ignoredColumns: readonly string[];
  readonly batchRows: number;
  readonly request: RequestTerms;
  /** Only users of this organization of the source system; absent: all, and they must belong to one organization. */
  readonly fromOrganization: string | undefined;
  /** The number of failed rows at which the import stops; absent: never. */
  readonly errorsMax: number | undefined;
  readonly errorFile: ErrorFileOptions | undefined;
  /** `undefined` to keep no checkpoint. */
  readonly resume: { readonly terms: Terms; readonly restart: boolean } | undefined;
  readonly patienceMs: number;
  readonly call: SendOptions["call"];
  readonly signal: AbortSignal;
  readonly newId: () => string;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Called with each of the first failed rows; absent: not reported. */
  readonly reportFailed: ((row: FailedRow) => void) | undefined;
  /** `undefined` to print no progress. */
  readonly progress: ProgressOptions | undefined;
}

export interface Summary extends Counts {
  readonly rows: number;
  /** The line at which this run resumed; absent if it began at the beginning. */
  readonly resumedAtLine?: number;
  /** Set for a dry run with so many users that later rows were not compared with all earlier ones. */
  readonly comparedInPart?: true;
  /** Of this run only. */
  readonly seconds: number;
  readonly rowsPerSecond: number;
}

interface Batch {
  readonly rows: readonly Row[];
  /** The offset of its beginning. Its request id contains that, so that a repeated batch has the same id. */
  readonly begin: number;
  readonly end: number;
  readonly nextLine: number;
}

/** Runs an import. Rejects with a Failure, or with the service's error for all requests. */
export async function runImport(options: ImportOptions): Promise<Summary> {
  const { path } = options.input;
  // Loaded on demand: it needs the lock of a database, which other commands do not load.
  const { ImportLock } = await import("./import-lock.ts");
  const lock = options.resume === undefined || path === undefined ? undefined : ImportLock.take(path);
  try {
    return await new Import(options).run();
  } finally {
    lock?.release();
  }
}

function rowsOf({ created, updated, skipped, failed, passedOver }: Counts): number {
  return created + updated + skipped + failed + passedOver;
}

class Import {
  readonly #options: ImportOptions;
  readonly #checkpoint: Checkpoint | undefined;
  readonly #failed: FailedRows;
  readonly #importId: string;
  readonly #begin: Progress;
  readonly #lines: ProgressLines | undefined;
  readonly #pipeline: Pipeline<Batch, readonly RowOutcome[]>;
  #progress: Progress;
  /** The organization of the source system whose users are imported; empty until a row names one. */
  #organization: string;
  /** Only in a dry run. */
  readonly #wouldBe: WouldBeCreated | undefined;
  /** Whether the service was reached at least once. */
  #reached: boolean = false;

  constructor(options: ImportOptions) {
    const { input, resume, newId, clock, progress, fromOrganization, request } = options;
    const start: Progress = {
      offset: input.markBytes,
      line: 1,
      counts: NO_COUNTS,
      errorBytes: 0,
      foreignOrganization: fromOrganization ?? "",
    };
    this.#options = options;
    this.#wouldBe = request.validateOnly === true ? new WouldBeCreated(request.ifExists ?? IfExists.SKIP) : undefined;
    this.#checkpoint =
      resume === undefined || input.path === undefined
        ? undefined
        : new Checkpoint({ path: input.path, ...resume, newId, clock, start });
    this.#begin = this.#checkpoint?.begin ?? start;
    this.#progress = this.#begin;
    this.#organization = this.#begin.foreignOrganization;
    this.#importId = this.#checkpoint?.importId ?? newId();
    this.#lines = progress === undefined ? undefined : new ProgressLines(progress, this.#shown());
    this.#failed = new FailedRows({
      file: options.errorFile,
      imported: input.identity,
      isResumed: this.#checkpoint?.isResumed === true,
      keepBytes: this.#begin.errorBytes,
      report: options.reportFailed,
      say: (line) => this.#lines?.say(line),
    });
    this.#pipeline = new Pipeline({
      inFlightMax: IN_FLIGHT_MAX,
      send: (batch) => this.#send(batch),
      settle: (batch, outcomes) => this.#settle(batch, outcomes),
      namesOf: ({ rows }) => rows.flatMap(({ mapped }) => (isUser(mapped) ? [mapped.user.userId ?? ""] : [])),
    });
  }

  async run(): Promise<Summary> {
    const begin = this.#options.clock();
    if (this.#checkpoint?.isResumed) {
      this.#lines?.say(`resuming at line ${this.#begin.line}; ${counted(rowsOf(this.#begin.counts), "row")} done`);
    }
    try {
      await this.#readAndSend();
      this.#checkpoint?.remove();
    } catch (error) {
      throw this.#brokenOff(error);
    } finally {
      this.#lines?.clear();
      this.#failed.close();
    }
    const rows = rowsOf(this.#progress.counts);
    const seconds = (this.#options.clock() - begin) / 1000;
    return {
      rows,
      ...this.#progress.counts,
      ...(this.#checkpoint?.isResumed ? { resumedAtLine: this.#begin.line } : {}),
      ...(this.#wouldBe?.isPartial === true ? { comparedInPart: true } : {}),
      seconds,
      rowsPerSecond: seconds === 0 ? 0 : Math.round((rows - rowsOf(this.#begin.counts)) / seconds),
    };
  }

  async #readAndSend(): Promise<void> {
    const { input, format, source, ignoredColumns, batchRows, signal } = this.#options;
    const from = this.#checkpoint?.isResumed && this.#begin.offset > input.markBytes ? this.#begin : undefined;
    let rows: Row[] = [];
    let bytes = 0;
    let begin = this.#begin.offset;
    const push = async (): Promise<void> => {
      const last = rows.at(-1);
      if (last === undefined) return;
      signal.throwIfAborted();
      await this.#pipeline.push({ rows, begin, end: last.end, nextLine: last.nextLine });
      rows = [];
      bytes = 0;
      begin = last.end;
    };
    try {
      for await (const read of readRows({ input, format, source, ignoredColumns, from })) {
        await this.#failed.open();
        for (const row of read) {
          rows.push(this.#judge(row));
          bytes += row.bytes;
          if (rows.length >= batchRows || bytes >= BATCH_BYTES_MAX) await push();
        }
      }
      await push();
      if (begin === input.markBytes && format === "json") throw noUsers(source);
      await this.#failed.open();
    } catch (error) {
      // Batches in flight are settled first, so that less must be repeated.
      await this.#pipeline.drain().catch(() => undefined);
      throw error;
    }
    await this.#pipeline.drain();
  }

  /** Passes over a user of another organization, or makes it a fault if no organization was given. */
  #judge(row: Row): Row {
    const { mapped } = row;
    if (mapped instanceof RowFault || mapped.organization === "") return row;
    if (this.#organization === "") this.#organization = mapped.organization;
    if (mapped.organization === this.#organization) return row;
    if (this.#options.fromOrganization !== undefined) {
      return { ...row, mapped: { ...mapped, passedOver: "is of another organization" } };
    }
    const fault = `is of organization ${shown(mapped.organization)}, an earlier row of ${shown(this.#organization)}; import each organization separately with --from-organization`;
    return { ...row, mapped: new RowFault(fault) };
  }

  #send({ rows, begin }: Batch): Promise<readonly RowOutcome[]> {
    const users: UserInit[] = rows.flatMap(({ mapped }) => (isUser(mapped) ? [mapped.user] : []));
    if (users.length === 0) return Promise.resolve([]);
    this.#checkpoint?.open();
    const { request, patienceMs, signal, clock } = this.#options;
    const requestId = request.validateOnly === true ? "" : `${this.#importId}-${begin}`;
    return sendBatch(users, requestId, {
      call: (message) => this.#call(message),
      terms: request,
      patienceMs,
      signal,
      clock,
      onWait: (reason, waitMs) => {
        if (waitMs >= 1000) this.#lines?.say(`waiting ${Math.ceil(waitMs / 1000)} s: ${reason}`);
      },
    });
  }

  async #call(message: ImportRequest): Promise<ImportUsersResponse> {
    try {
      const response = await this.#options.call(message);
      this.#reached = true;
      return response;
    } catch (error) {
      this.#reached ||= !(error instanceof ConnectError && /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/.test(error.rawMessage));
      throw error;
    }
  }

  #settle({ rows, end, nextLine }: Batch, outcomes: readonly RowOutcome[]): void {
    const counts = { ...this.#progress.counts };
    let next = 0;
    for (const { line, mapped } of rows) {
      if (mapped instanceof RowFault) {
        counts.failed++;
        this.#failed.add({ line, message: mapped.message });
        continue;
      }
      if (mapped.hasSecrets) counts.withSecrets++;
      if (mapped.passedOver !== undefined) {
        counts.passedOver++;
        continue;
      }
      const answered = outcomes[next++];
      if (answered === undefined) throw new Error("a row was sent and has no outcome");
      const outcome = this.#wouldBe?.judge(mapped.user.userId ?? "", answered) ?? answered;
      counts[outcome.action]++;
      if (outcome.action === "failed") {
        const { code, reason, message } = outcome;
        this.#failed.add({
          line,
          message,
          userId: mapped.user.userId ?? "",
          code: nameOfCode(code),
          ...(reason === "" ? {} : { reason }),
        });
      }
    }
    this.#progress = {
      offset: end,
      line: nextLine,
      counts,
      errorBytes: this.#failed.bytes,
      foreignOrganization: this.#organization,
    };
    this.#checkpoint?.note(this.#progress);
    this.#lines?.show(this.#shown());
    const { errorsMax } = this.#options;
    if (errorsMax !== undefined && counts.failed >= errorsMax) throw new TooManyErrors();
  }

  #shown() {
    const { counts, offset } = this.#progress;
    return { rows: rowsOf(counts), failed: counts.failed, bytes: offset, size: this.#options.input.size };
  }

  /** Explains why the import stopped and how to resume. */
  #brokenOff(cause: unknown): unknown {
    const error = cause instanceof DocumentFault ? usageFailure(`the file is not valid: ${cause.message}`) : cause;
    const { signal, errorsMax } = this.#options;
    const { counts, line } = this.#progress;
    const isFirst = this.#checkpoint?.isResumed !== true && rowsOf(counts) === 0;
    if (isFirst && !signal.aborted && (isRefusedOutright(error) || !this.#reached)) {
      // The import had no effect: the next try may differ.
      this.#checkpoint?.discard();
      return error;
    }
    this.#checkpoint?.save();
    const where = `${counted(rowsOf(counts), "row")} done, up to line ${line - 1}`;
    const how = this.#checkpoint === undefined ? [] : ["the same command resumes from there; --restart starts over"];
    if (signal.aborted) return new Failure(EXIT.INTERRUPTED, `interrupted; ${where}`, { lines: how });
    if (error instanceof TooManyErrors) {
      const sentence = `${counted(counts.failed, "row")} failed, --max-errors is ${errorsMax}; ${where}`;
      return new Failure(EXIT.REFUSED, sentence, { lines: how });
    }
    if (error instanceof ConnectError) this.#lines?.say(`stopped; ${where}${how.map((each) => `; ${each}`).join("")}`);
    return error;
  }
}

/** Returns the Failure for a document without users: it is probably of another kind. */
function noUsers({ lists }: Source): Failure {
  return usageFailure(`the file has no users: it is not a list, and has no list named ${lists.join(" or ")}`);
}

class TooManyErrors extends Error {
  override readonly name = "TooManyErrors";
}

function isUser(mapped: Mapped | RowFault): mapped is Mapped {
  return !(mapped instanceof RowFault) && mapped.passedOver === undefined;
}
