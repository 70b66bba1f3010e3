/** `lockkeeper events verify`: verifies the history of a running service or of a database, and holds it against a checkpoint. */

import { existsSync, readFileSync } from "node:fs";
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
  "instance-key-file": file(
    "FILE",
    "with --database: the key file that checkpoints are signed with; absent: the one next to a SQLite file",
  ),
  "verifier-key": repeated("KEY", "with --database: another key that may have signed checkpoints", (typed) => typed),
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
  async run({ checkpoint: path, database, "verifier-key": keys, "instance-key-file": keyFile }, context) {
    const note = path === undefined ? "" : readNote(path);
    if (database !== undefined) return await verifyDatabase(database, { note, keys, keyFile }, context);
    if (keys.length > 0) throw usageFailure("--verifier-key is only for --database: a service knows its own keys");
    if (keyFile !== undefined) throw usageFailure("--instance-key-file is only for --database: a service has its own");
    const history = await context.client("history");
    const report = await receive(
      history.verifyHistory({ checkpoint: note }, { timeoutMs: 0, signal: context.signal }),
      context,
    );
    await context.output.result(report, () => linesOf(report));
    return report.faults.length > 0 ? "refused" : endingOf(report);
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

function linesOf({ events, links, checkpoints, position, link, faults, unknownSigners }: VerifyReport): string {
  if (faults.length > 0) {
    return [
      "the history is not as it was written:",
      ...faults.map(({ position: at, fault }) => `  position ${at}: ${fault}`),
      "",
    ].join("\n");
  }
  const head = `position ${position}, link ${Buffer.from(link).toString("base64")}`;
  const verified = `verified: ${counted(events, "event")} in ${counted(links, "commit")}, ${counted(checkpoints, "checkpoint")}; ${head}\n`;
  return verified + signerLines(unknownSigners, "lockkeeper keyfile rotate FILE --earlier-verifier KEY");
}

type Signers = readonly { readonly position: bigint | number; readonly keyIds: readonly string[] }[];

function endingOf({ unknownSigners }: { readonly unknownSigners: Signers }): Ending {
  return unknownSigners.length > 0 ? EXIT.UNKNOWN_SIGNER : "done";
}

/** Returns what to do about signers that are not known; empty: there are none. `remedy`: what makes a lost key known. */
function signerLines(signers: Signers, remedy: string): string {
  const [first] = signers;
  if (first === undefined) return "";
  const ids = [...new Set(signers.flatMap(({ keyIds }) => keyIds))].slice(0, 5).join(", ");
  return [
    `${counted(signers.length, "checkpoint")} of it, the first at position ${first.position}, signed by a key that is not known here: ${ids}`,
    "  a key that was rotated on another replica: copy the key file from there",
    `  a key file that was lost: make its verifier key known, ${remedy}`,
    "  none of yours: somebody else has written to the database",
    "",
  ].join("\n");
}

const UNCHECKED =
  "the signatures of checkpoints are not checked: name the key with --instance-key-file or --verifier-key";

interface Held {
  readonly note: string;
  readonly keys: readonly string[];
  readonly keyFile: string | undefined;
}

async function verifyDatabase(database: DatabaseChoice, held: Held, context: CommandContext): Promise<Ending> {
  const { output } = context;
  const { offline, place } = await openGiven(database);
  const verifierKeys = [...held.keys, ...(await keysOfFile(database, held, context))];
  const judge = { note: held.note, verifierKeys };
  const report = await failing(() => offline.verify(reportProgress(output), judge));
  const { unknownSigners } = report;
  if (verifierKeys.length === 0 && report.checkpoints > 0) output.remark(UNCHECKED);
  const json = {
    database: place,
    events: `${report.events}`,
    users: `${report.users}`,
    checkpoints: `${report.checkpoints}`,
    position: `${report.position}`,
    link: Buffer.from(report.link).toString("base64"),
    unknownSigners: unknownSigners.map(({ position, keyIds }) => ({ position: `${position}`, keyIds })),
  };
  const compared = `${counted(report.users, "user")} and ${counted(report.checkpoints, "checkpoint")}`;
  await output.object(
    json,
    () =>
      `${place}: verified ${counted(report.events, "event")}, ${compared}; position ${json.position}, link ${json.link}\n${signerLines(unknownSigners, "--verifier-key KEY")}`,
  );
  return endingOf(report);
}

/** Returns the keys of the key file that was given, or that stands next to a SQLite file. */
async function keysOfFile(
  database: DatabaseChoice,
  { keyFile }: Held,
  { output, parts }: CommandContext,
): Promise<readonly string[]> {
  if (keyFile !== undefined) return (await failing(() => parts.readKeyFile(keyFile))).verifierKeys;
  const own = database.engine === "sqlite" ? `${database.path}.key` : undefined;
  if (own === undefined || !existsSync(own)) return [];
  try {
    return (await parts.readKeyFile(own)).verifierKeys;
  } catch (error) {
    output.remark(error instanceof Error ? error.message : String(error));
    return [];
  }
}
