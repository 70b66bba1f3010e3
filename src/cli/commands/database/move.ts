/** `lockkeeper migrate --from … --to …`: moves a whole database from a file to PostgreSQL. */

import { DATABASE, type DatabaseChoice } from "../../../config-values.ts";
import type { Moved, MoveProgress, MoveStage } from "../../../store/offline.ts";
import type { Ending } from "../../frame/command.ts";
import { Failure, usageFailure } from "../../frame/failure.ts";
import { type FlagTable, type FlagValues, value } from "../../frame/flag.ts";
import type { Output } from "../../frame/output.ts";
import type { Terminal } from "../../frame/terminal.ts";
import { counted } from "../../frame/text.ts";
import { ProgressLines, span } from "../../import/progress-lines.ts";
import { failing } from "./offline.ts";

type Source = Extract<DatabaseChoice, { engine: "sqlite" }>;
type Target = Extract<DatabaseChoice, { engine: "postgres" }>;

export const MOVE_FLAGS = {
  from: value("sqlite:PATH", "move this database; its service must be stopped", parseSource),
  to: value("postgres://…", "to this one, which must be empty; the file is then marked as moved", parseTarget),
} satisfies FlagTable;

function parseSource(text: string): Source {
  const database = text.startsWith("sqlite:") ? DATABASE.parse(text) : undefined;
  if (database?.engine === "sqlite") return database;
  // The text may have a password in it, so it is not repeated.
  throw new Error("the value is not allowed; it must be sqlite:PATH, because only a file can be moved");
}

function parseTarget(text: string): Target {
  const database = text.startsWith("postgres") ? DATABASE.parse(text) : undefined;
  if (database?.engine === "postgres") return database;
  throw new Error("the value is not allowed; it must be postgres://USER@HOST/DATABASE, because a file is moved there");
}

const numbers = new Intl.NumberFormat("en-US");

/** Moves the database and reports it. Throws a Failure when something is missing or refused. */
export async function move(
  { from, to }: FlagValues<typeof MOVE_FLAGS>,
  { output, terminal }: { readonly output: Output; readonly terminal: Terminal },
): Promise<Ending> {
  if (from === undefined || to === undefined) throw usageFailure("--from and --to must be given together");
  const { describeDatabase, moveDatabase } = await import("../../../store/open-store.ts");
  const place = await describeDatabase(to).catch((error: Error) => {
    throw usageFailure(`--to: ${error.message}`);
  });
  const shown = new MoveLines(output, terminal);
  const begin = performance.now();
  const moved = await failing(() => moveDatabase(from, to, { clock: Date.now, progress: shown.progress }))
    .catch((error: unknown) => {
      if (!(error instanceof Failure) || !shown.hasCopied) throw error;
      const next = "the move is not finished, and no service can use the target; run the same command again to go on";
      throw new Failure(error.exitCode, error.message, { cause: error, lines: [next] });
    })
    .finally(() => shown.end());
  const seconds = (performance.now() - begin) / 1000;
  await output.object(toJson(from.path, place, moved), {
    lines: () => toLines(from.path, place, moved, seconds),
    name: () => place,
  });
  return "done";
}

const STAGES: Readonly<Record<MoveStage, string>> = {
  source: "verifying the history of the file",
  users: "verifying the users of the file by their history",
  copy: "copying the rows",
  compare: "comparing the rows",
  target: "verifying the history of the copy",
};

/** Shows the stages of a move, and a bar for each. */
class MoveLines {
  /** Whether there is something to go on with. */
  hasCopied: boolean = false;
  readonly #output: Output;
  readonly #terminal: Terminal;
  #stage: MoveStage | undefined;
  #lines: ProgressLines | undefined;

  constructor(output: Output, terminal: Terminal) {
    this.#output = output;
    this.#terminal = terminal;
  }

  readonly progress: MoveProgress = (stage, done, total) => {
    if (stage === "copy") this.hasCopied = true;
    if (this.#output.json) return;
    const shown = { rows: done, failed: 0, bytes: done, size: total };
    if (stage === this.#stage) {
      this.#lines?.show(shown);
      return;
    }
    this.end();
    this.#stage = stage;
    this.#output.note(STAGES[stage]);
    const { stderr } = this.#terminal;
    const options = {
      isTerminal: stderr.isTTY === true,
      // Some terminals report no columns.
      columns: stderr.columns || 80,
      write: (text: string) => void stderr.write(text),
      clock: () => performance.now(),
    };
    this.#lines = new ProgressLines(options, shown);
  };

  /** Removes the bar. */
  end(): void {
    this.#lines?.clear();
  }
}

function rowsOf({ tables }: Moved): number {
  return Object.values(tables).reduce((sum, rows) => sum + rows, 0);
}

function toJson(path: string, place: string, moved: Moved) {
  const tables = Object.fromEntries(Object.entries(moved.tables).map(([name, rows]) => [name, `${rows}`]));
  return { from: path, to: place, generation: `${moved.generation}`, position: `${moved.position}`, tables };
}

function toLines(path: string, place: string, moved: Moved, seconds: number): string {
  const { user_state: users = 0, events = 0 } = moved.tables;
  const [all, some] = [
    numbers.format(rowsOf(moved)),
    `${counted(users, "user", numbers.format(users))}, ${counted(events, "event", numbers.format(events))}`,
  ];
  return [
    `${path} is now ${place}: ${all} rows (${some}) in ${span(seconds)}`,
    "verified: the number of rows of every table, each row, and the history as an unbroken chain on both sides",
    `generation ${moved.generation}, position ${moved.position}: sessions, keys, page tokens and request ids go on`,
    `start the service with the new database; ${path} is marked as moved and is served no more: keep it until you trust the new one`,
    "",
  ].join("\n");
}
