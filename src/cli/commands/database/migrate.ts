/** `lockkeeper migrate`: migrates a database to this version's schema without starting a service. */
import { defineCommand } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { type FlagTable, toggle } from "../../frame/flag.ts";
import { OUTPUT_FLAGS } from "../../frame/service/connection-flags.ts";
import { DATABASE_FLAG, failing } from "./offline.ts";

const FLAGS = {
  database: DATABASE_FLAG,
  ...OUTPUT_FLAGS,
  check: toggle("only list the pending migrations; exit code 4 if there are any"),
} satisfies FlagTable;

export const migrate = defineCommand({
  name: "migrate",
  meaning: "migrate a database to this version's schema, as a start of the service does; the service must be stopped",
  reach: "none",
  words: {},
  flags: FLAGS,
  examples: [
    ["migrate --database sqlite:data/lockkeeper.db", "cannot be undone; make a backup first"],
    ["migrate --check --database sqlite:data/lockkeeper.db", "change nothing"],
  ],
  async run({ database, check }, { output }) {
    if (database === undefined) {
      throw usageFailure("--database is required, such as --database sqlite:data/lockkeeper.db");
    }
    const { path } = database;
    const { openOffline } = await import("../../../store/open-store.ts");
    const offline = await openOffline(database);
    const { from, due } = await failing(() => offline.migrate({ check }));
    const to = due.at(-1) ?? from;
    const said =
      due.length === 0 ? `${path} is at ${from}; no migration is pending` : `${path}: ${from || "empty"} → ${to}`;
    const done = due.length === 0 ? "" : check ? ` (pending: ${due.join(", ")})` : " (done)";
    await output.object(
      { database: path, from, to, due, applied: !check },
      {
        lines: () => `${said}${done}\n`,
        name: () => path,
      },
    );
    return check && due.length > 0 ? "refused" : "done";
  },
});
