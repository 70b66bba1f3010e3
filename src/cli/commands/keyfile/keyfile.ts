/** `lockkeeper keyfile create|rotate`: the file with the keys that sign checkpoints. */

import { defineCommand, type KeyFileView } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { type FlagTable, repeated, word } from "../../frame/flag.ts";
import type { Output } from "../../frame/output.ts";
import { OUTPUT_FLAGS } from "../../frame/service/connection-flags.ts";
import { fieldLines } from "../../frame/text.ts";
import { DATABASE_FLAG, failing } from "../database/offline.ts";

const FILE = { ...word("the key file"), isFile: true };
const EARLIER = repeated(
  "KEY",
  "a verifier key of a file that was lost: what it signed stays verified; repeat for each",
  (typed) => typed,
);
const ROTATE_FLAGS = { "earlier-verifier": EARLIER, ...OUTPUT_FLAGS } satisfies FlagTable;
const CREATE_FLAGS = { database: DATABASE_FLAG, ...ROTATE_FLAGS } satisfies FlagTable;

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
  async run({ file, database, "earlier-verifier": earlier }, { output, parts }) {
    if (database === undefined) throw usageFailure("--database is required: a key file is of one instance");
    await print(output, file, await failing(() => parts.makeKeyFile(file, database, earlier)));
    return "done";
  },
});

export const keyfileRotate = defineCommand({
  name: "keyfile rotate",
  meaning: "replace the key that signs checkpoints; the one before stays known for their verification",
  reach: "none",
  words: { file: FILE },
  flags: ROTATE_FLAGS,
  examples: [["keyfile rotate data/lockkeeper.db.key", "a running service takes it up at its next checkpoint"]],
  async run({ file, "earlier-verifier": earlier }, { output, parts }) {
    await print(output, file, await failing(() => parts.renewKeyFile(file, earlier)));
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
