/** `lockkeeper keyfile create|rotate`: the file with the keys that sign checkpoints. */

import { defineCommand, type KeyFileView } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { type FlagTable, word } from "../../frame/flag.ts";
import type { Output } from "../../frame/output.ts";
import { OUTPUT_FLAGS } from "../../frame/service/connection-flags.ts";
import { fieldLines } from "../../frame/text.ts";
import { DATABASE_FLAG, failing } from "../database/offline.ts";

const FILE = { ...word("the key file"), isFile: true };
const CREATE_FLAGS = { database: DATABASE_FLAG, ...OUTPUT_FLAGS } satisfies FlagTable;

export const keyfileCreate = defineCommand({
  name: "keyfile create",
  meaning: "make the key file of a database; a start on SQLite makes its own",
  reach: "none",
  words: { file: FILE },
  flags: CREATE_FLAGS,
  examples: [
    [
      "keyfile create lockkeeper.key --database postgres://lockkeeper@db.example/lockkeeper",
      "for every replica the same",
    ],
  ],
  async run({ file, database }, { output, parts }) {
    if (database === undefined) throw usageFailure("--database is required: a key file is of one instance");
    await print(output, file, await failing(() => parts.makeKeyFile(file, database)));
    return "done";
  },
});

export const keyfileRotate = defineCommand({
  name: "keyfile rotate",
  meaning: "replace the key that signs checkpoints; the one before stays known for their verification",
  reach: "none",
  words: { file: FILE },
  flags: OUTPUT_FLAGS,
  examples: [["keyfile rotate data/lockkeeper.db.key", "a running service takes it up at its next checkpoint"]],
  async run({ file }, { output, parts }) {
    await print(output, file, await failing(() => parts.renewKeyFile(file)));
    return "done";
  },
});

async function print(output: Output, file: string, { instance, verifierKeys }: KeyFileView): Promise<void> {
  await output.object(
    { file, instance, verifierKeys },
    {
      lines: () =>
        fieldLines([
          ["file", file],
          ["instance", instance],
          ...verifierKeys.map((key, index): [string, string] => [index === 0 ? "verifier key" : "earlier key", key]),
        ]),
      name: () => file,
    },
  );
}
