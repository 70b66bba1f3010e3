/** `lockkeeper events verify`: verifies the history of a running service or of a database, and holds it against a checkpoint. */

import { readFileSync } from "node:fs";
import type { VerifyReport } from "../../../../gen/lockkeeper/event/v1/history_service_pb.ts";
import type { DatabaseChoice } from "../../../config-values.ts";
import { fileFault } from "../../../file-fault.ts";
import type { CommandContext, Ending } from "../../frame/command.ts";
import { defineCommand } from "../../frame/command.ts";
import { EXIT, Failure, usageFailure } from "../../frame/failure.ts";
import { type FlagTable, file, repeated } from "../../frame/flag.ts";
import { counted } from "../../frame/text.ts";
import { DATABASE_FLAG, failing, openGiven, reportProgress } from "../database/offline.ts";

const FLAGS = {
  checkpoint: file("FILE", "compare the history with this checkpoint, a signed note that was kept elsewhere"),
  database: { ...DATABASE_FLAG, meaning: "verify this database instead; a service on a file must be stopped" },
  "verifier-key": repeated("KEY", "with --database: a key that may have signed the checkpoint", (typed) => typed),
} satisfies FlagTable;

export const eventsVerify = defineCommand({
  name: "events verify",
  meaning: "verify the whole history: each event, the chain, and its checkpoints; exit code 4 if it was changed",
  reach: "instance",
  words: {},
  flags: FLAGS,
  examples: [
    ["events verify", "needs events.read for the whole instance"],
    ["events verify --checkpoint kept.note", "is it still the history that the checkpoint was made of?"],
    ["events verify --database sqlite:data/lockkeeper.db", "without a service; compares the users as well"],
  ],
  async run({ checkpoint: path, database, "verifier-key": keys }, context) {
    const note = path === undefined ? "" : readNote(path);
    if (database !== undefined) return await verifyDatabase(database, { note, keys }, context);
    if (keys.length > 0) throw usageFailure("--verifier-key is only for --database: a service knows its own keys");
    const history = await context.client("history");
    const report = await receive(
      history.verifyHistory({ checkpoint: note }, { timeoutMs: 0, signal: context.signal }),
      context,
    );
    await context.output.result(report, () => linesOf(report));
    return report.faults.length === 0 ? "done" : "refused";
  },
});

type Messages = ReturnType<Awaited<ReturnType<typeof clientOf>>["verifyHistory"]>;

function clientOf(context: CommandContext) {
  return context.client("history");
}

async function receive(messages: Messages, { output }: CommandContext): Promise<VerifyReport> {
  const progress = reportProgress(output);
  for await (const { message } of messages) {
    if (message.case === "report") return message.value;
    if (message.case === "progress") progress("events", Number(message.value.position), Number(message.value.total));
  }
  throw new Failure(EXIT.UNAVAILABLE, "the verification ended without a report; try again");
}

function readNote(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw usageFailure(`--checkpoint: ${path} cannot be read: ${fileFault(error)}`);
  }
}

function linesOf({ events, links, checkpoints, position, link, faults }: VerifyReport): string {
  if (faults.length > 0) {
    return [
      "the history is not as it was written:",
      ...faults.map(({ position: at, fault }) => `  position ${at}: ${fault}`),
      "",
    ].join("\n");
  }
  const head = `position ${position}, link ${Buffer.from(link).toString("base64")}`;
  return `verified: ${counted(events, "event")} in ${counted(links, "commit")}, ${counted(checkpoints, "checkpoint")}; ${head}\n`;
}

const UNCHECKED = "the signature of the checkpoint is not checked: name its key with --verifier-key";

interface Held {
  readonly note: string;
  readonly keys: readonly string[];
}

async function verifyDatabase(
  database: DatabaseChoice,
  { note, keys }: Held,
  { output }: CommandContext,
): Promise<Ending> {
  const { offline, place } = await openGiven(database);
  if (note !== "" && keys.length === 0) output.remark(UNCHECKED);
  const held = note === "" ? undefined : { note, verifierKeys: keys };
  const report = await failing(() => offline.verify(reportProgress(output), held));
  const json = {
    database: place,
    events: `${report.events}`,
    users: `${report.users}`,
    position: `${report.position}`,
    link: Buffer.from(report.link).toString("base64"),
  };
  await output.object(
    json,
    () =>
      `${place}: verified ${counted(report.events, "event")} and ${counted(report.users, "user")}; position ${json.position}, link ${json.link}\n`,
  );
  return "done";
}
