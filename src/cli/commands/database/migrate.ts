/** `lockkeeper migrate`: brings a database to this version's schema without starting a service on it. */
import { openOffline } from "../../../store/open-store.ts";
import { defineCommand } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { type FlagTable, toggle } from "../../frame/flag.ts";
import { OUTPUT_FLAGS } from "../../frame/service/connection-flags.ts";
import { DATABASE_FLAG, failing } from "./offline.ts";

const FLAGS = {
  database: DATABASE_FLAG,
  ...OUTPUT_FLAGS,
  check: toggle("only say what is due; exit code 4 if something is"),
} satisfies FlagTable;

export const migrate = defineCommand({
  name: "migrate",
  meaning: "bring a database to this version's schema, as starting the service would; the service must be stopped",
  reach: "none",
  words: {},
  flags: FLAGS,
  examples: [
    ["migrate --database sqlite:data/lockkeeper.db", "there is no way back; back up before"],
    ["migrate --check --database sqlite:data/lockkeeper.db", "change nothing"],
  ],
  async run({ database, check }, { output }) {
    if (database === undefined) {
      throw usageFailure("--database is needed, such as --database sqlite:data/lockkeeper.db");
    }
    const { path } = database;
    const offline = await openOffline(database);
    const { from, due } = await failing(() => offline.migrate({ check }));
    const to = due.at(-1) ?? from;
    const said = due.length === 0 ? `${path} is at ${from}; nothing is due` : `${path}: ${from || "empty"} → ${to}`;
    const done = due.length === 0 ? "" : check ? ` (due: ${due.join(", ")})` : " (done)";
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
