/** `lockkeeper restore`: puts a backup in the place of a database, or only raises the generation after a recovery. */
import { existsSync } from "node:fs";
import type { Raised, Restored } from "../../../store/offline.ts";
import { openOffline } from "../../../store/open-store.ts";
import { defineCommand } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { type FlagTable, optionalWord, short, toggle } from "../../frame/flag.ts";
import { OUTPUT_FLAGS } from "../../frame/service/connection-flags.ts";
import { timeText } from "../../frame/text.ts";
import { DATABASE_FLAG, failing, tellProgress } from "./offline.ts";

const FLAGS = {
  database: DATABASE_FLAG,
  "raise-generation": toggle("no backup: the database was brought back by other means, such as a snapshot of the disk"),
  ...OUTPUT_FLAGS,
  yes: short("y", toggle("move a database that is there aside without asking")),
} satisfies FlagTable;

export const restore = defineCommand({
  name: "restore",
  meaning: "put a verified backup in the place of a database; the service must be stopped",
  reach: "none",
  words: { file: { ...optionalWord("the backup"), isFile: true } },
  flags: FLAGS,
  examples: [
    ["restore today.db --database sqlite:data/lockkeeper.db", "the former database is moved aside"],
    ["restore --raise-generation --database sqlite:data/lockkeeper.db", "after a recovery by other means"],
  ],
  async run({ file, database, "raise-generation": isRaiseOnly }, { confirm, output }) {
    if (database === undefined) {
      throw usageFailure("--database is needed, such as --database sqlite:data/lockkeeper.db");
    }
    if (isRaiseOnly === (file !== undefined)) {
      throw usageFailure("either the file of a backup or --raise-generation is needed, one of them");
    }
    const { path } = database;
    const offline = await openOffline(database);
    if (file === undefined) {
      const raised = await failing(() => offline.raiseGeneration(Date.now));
      await output.object(
        { database: path, ...raisedJson(raised) },
        { lines: () => raisedLines(raised), name: () => path },
      );
      return "done";
    }
    const replace = existsSync(path);
    if (replace) await confirm(`The database ${path} would be moved aside and ${file} take its place.`);
    const options = { file, clock: Date.now, replace, progress: tellProgress(output) };
    const restored = await failing(() => offline.restore(options));
    await output.object(restoredJson(path, restored), {
      lines: () => restoredLines(path, restored),
      name: () => path,
    });
    return "done";
  },
});

function raisedJson({ generation, previousGeneration, position }: Raised) {
  return {
    generation: `${generation}`,
    previousGeneration: `${previousGeneration}`,
    position: `${position}`,
  };
}

function raisedLines({ generation, previousGeneration, position }: Raised): string {
  return [
    `the generation is ${generation}; it was ${previousGeneration} (position ${position})`,
    "every session, revocation epoch, page token and cursor of before is void",
    "",
  ].join("\n");
}

function restoredJson(path: string, { backup, generation, position, movedTo, isFormerUnreadable }: Restored) {
  return {
    database: path,
    ...raisedJson({ generation, previousGeneration: backup.generation, position }),
    backupPosition: `${backup.position}`,
    backupRecordTime: timeText(backup.recordTime),
    schemaVersion: backup.schemaVersion,
    events: `${backup.events}`,
    users: `${backup.users}`,
    ...(movedTo === undefined ? {} : { movedTo }),
    formerUnreadable: isFormerUnreadable,
  };
}

function restoredLines(path: string, { backup, generation, position, movedTo, isFormerUnreadable }: Restored): string {
  const until = timeText(backup.recordTime);
  return [
    `${path}: ${backup.users} users and ${backup.events} events as of ${until}, position ${backup.position}`,
    `the generation is ${generation}; it was ${backup.generation} (position ${position})`,
    "every session, revocation epoch, page token and cursor of before is void: everyone signs in again",
    `what was changed after ${until} is gone, bans, locks and revoked API keys too: look for them in your logs and repeat them`,
    `API keys open by the secrets of ${until}: later secrets are unknown, and those rotated away since then open again; rotate those keys again`,
    ...(movedTo === undefined ? [] : [`the former database is ${movedTo}`]),
    ...(isFormerUnreadable
      ? [
          "the former database cannot be read; the clock alone keeps its generation and the new one apart: see that it is right",
        ]
      : []),
    "",
  ].join("\n");
}
