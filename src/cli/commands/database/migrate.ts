/** `lockkeeper migrate`: migrates a database to this version's schema without starting a service. */
import { defineCommand } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { type FlagTable, toggle } from "../../frame/flag.ts";
import { OUTPUT_FLAGS } from "../../frame/service/connection-flags.ts";
import { MOVE_FLAGS, move } from "./move.ts";
import { DATABASE_FLAG, failing, openGiven } from "./offline.ts";

const FLAGS = {
  database: DATABASE_FLAG,
  ...OUTPUT_FLAGS,
  check: toggle("only list the pending migrations; exit code 4 if there are any"),
  finish: toggle("also run the migrations that end an upgrade of PostgreSQL; no older version may run any more"),
  ...MOVE_FLAGS,
} satisfies FlagTable;

export const migrate = defineCommand({
  name: "migrate",
  meaning:
    "migrate a database to this version's schema, as a start of the service does, or move it to PostgreSQL; a service on a file must be stopped",
  reach: "none",
  words: {},
  flags: FLAGS,
  examples: [
    ["migrate --database sqlite:data/lockkeeper.db", "cannot be undone; make a backup first"],
    ["migrate --check --database sqlite:data/lockkeeper.db", "change nothing"],
    ["migrate --finish --database postgres://lockkeeper@db.example/lockkeeper", "after the last replica was upgraded"],
    [
      "migrate --from sqlite:data/lockkeeper.db --to postgres://lockkeeper@db.example/lockkeeper",
      "move everything to PostgreSQL; go on with it if it was interrupted",
    ],
  ],
  async run({ database, check, finish, from: source, to: target }, { output, terminal }) {
    if (source !== undefined || target !== undefined) {
      if (database !== undefined || check || finish) {
        throw usageFailure("--from and --to stand alone: without --database, --check and --finish");
      }
      return await move({ from: source, to: target }, { output, terminal });
    }
    const { offline, place } = await openGiven(database);
    const { from, due, unfinished = [] } = await failing(() => offline.migrate({ check, finish }));
    const to = due.at(-1) ?? from;
    const said =
      due.length === 0 ? `${place} is at ${from}; no migration is pending` : `${place}: ${from || "empty"} → ${to}`;
    const done = due.length === 0 ? "" : check ? ` (pending: ${due.join(", ")})` : " (done)";
    const isOpen = unfinished.length > 0;
    const open = `the upgrade is not finished: run migrate --finish when no older version runs (${unfinished.join(", ")})\n`;
    await output.object(
      { database: place, from, to, due, ...(isOpen ? { unfinished } : {}), applied: !check },
      {
        lines: () => `${said}${done}\n${isOpen ? open : ""}`,
        name: () => place,
      },
    );
    return check && due.length > 0 ? "refused" : "done";
  },
});
