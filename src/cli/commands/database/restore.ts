/** `lockkeeper restore`: replaces a database with a backup, or only raises the generation after a recovery. */
import { existsSync } from "node:fs";
import type { Raised, Restored } from "../../../store/offline.ts";
import { defineCommand } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { type FlagTable, optionalWord, short, toggle } from "../../frame/flag.ts";
import { OUTPUT_FLAGS } from "../../frame/service/connection-flags.ts";
import { counted, timeText } from "../../frame/text.ts";
import { DATABASE_FLAG, failing, openGiven, reportProgress } from "./offline.ts";

const FLAGS = {
  database: DATABASE_FLAG,
  "raise-generation": toggle(
    "without a backup file: the database was already restored by other means, such as a disk snapshot",
  ),
  ...OUTPUT_FLAGS,
  yes: short("y", toggle("move an existing database aside without asking")),
} satisfies FlagTable;

export const restore = defineCommand({
  name: "restore",
  meaning: "replace a database with a verified backup; the service must be stopped",
  reach: "none",
  words: { file: { ...optionalWord("the backup file"), isFile: true } },
  flags: FLAGS,
  examples: [
    ["restore today.db --database sqlite:data/lockkeeper.db", "the old database is moved aside"],
    ["restore --raise-generation --database sqlite:data/lockkeeper.db", "after a recovery by other means"],
  ],
  async run({ file, database, "raise-generation": isRaiseOnly }, { confirm, output }) {
    const { offline, place } = await openGiven(database);
    if (isRaiseOnly === (file !== undefined)) {
      throw usageFailure("either <file> or --raise-generation is required, and not both");
    }
    if (file === undefined) {
      const raised = await failing(() => offline.raiseGeneration(Date.now));
      await output.object(
        { database: place, ...raisedJson(raised) },
        { lines: () => raisedLines(raised), name: () => place },
      );
      return "done";
    }
    const replace = database?.engine === "sqlite" && existsSync(database.path);
    if (replace) await confirm(`The database ${place} would be moved aside and replaced by ${file}.`);
    const options = { file, clock: Date.now, replace, progress: reportProgress(output) };
    const restored = await failing(() => offline.restore(options));
    await output.object(restoredJson(place, restored), {
      lines: () => restoredLines(place, restored),
      name: () => place,
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
    "all earlier sessions, revocation epochs, page tokens and cursors are void",
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
    `${path}: ${counted(backup.users, "user")} and ${counted(backup.events, "event")} as of ${until}, position ${backup.position}`,
    `the generation is ${generation}; it was ${backup.generation} (position ${position})`,
    "all earlier sessions, revocation epochs, page tokens and cursors are void: everyone must sign in again",
    `changes made after ${until} are lost, including bans, locks and revocations of API keys: find them in your logs and repeat them`,
    `API keys have the secrets of ${until}: later secrets do not work, and secrets that were replaced since then work again; rotate those keys again`,
    ...(movedTo === undefined ? [] : [`the old database is now ${movedTo}`]),
    ...(isFormerUnreadable
      ? [
          "the old database cannot be read; only the clock keeps its generation and the new one apart: make sure that the clock is right",
        ]
      : []),
    "",
  ].join("\n");
}
