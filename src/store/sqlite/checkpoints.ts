/** The checkpoints of a SQLite database: who signs them, and when they are written. */
import type { Database } from "better-sqlite3";
import { CheckpointWriter } from "../history/checkpoint-writer.ts";
import { instanceName } from "../history/instance-name.ts";
import type { ChainLink, Checkpoint, CheckpointSigner } from "../history.ts";
import { TOKEN_KEY_NAME } from "../search/token-seal.ts";
import type { StoreOptions } from "../store.ts";
import type { LiveConnection } from "./write/live-connection.ts";

/** Opens the key of a migrated database; `undefined`: there is none. */
export function openSigner(
  database: Database,
  options: Pick<StoreOptions, "openSigner">,
): CheckpointSigner | undefined {
  if (options.openSigner === undefined) return undefined;
  const hasCheckpoints = database.prepare("SELECT 1 FROM checkpoints LIMIT 1").get() !== undefined;
  return options.openSigner({ origin: readInstanceName(database), hasCheckpoints });
}

/** Returns the name of the instance. Throws when its row is missing. */
export function readInstanceName(database: Database): string {
  const read = database.prepare<[string], Buffer>("SELECT value FROM secrets WHERE name = ?").pluck();
  const key = read.get(TOKEN_KEY_NAME);
  if (key === undefined) throw new Error("the database has no key for page tokens: the row of secrets is missing");
  return instanceName(key);
}

export interface CheckpointParts {
  readonly database: Database;
  readonly connection: LiveConnection;
  readonly now: () => number;
  readonly signer: CheckpointSigner;
  readonly checkpointMs: number | undefined;
}

/** Returns what writes the checkpoints of a service. */
export function createCheckpointWriter(parts: CheckpointParts): CheckpointWriter {
  const { database, connection, now, signer, checkpointMs } = parts;
  const readLast = database.prepare<[], Pick<Checkpoint, "position" | "time">>(
    "SELECT position, time FROM checkpoints ORDER BY position DESC LIMIT 1",
  );
  const readHead = database.prepare<[], ChainLink>("SELECT position, link FROM log_head");
  const insert = database.prepare<[number, number, string]>(
    "INSERT OR IGNORE INTO checkpoints (position, time, note) VALUES (?, ?, ?)",
  );
  return new CheckpointWriter({
    signer,
    now,
    everyMs: checkpointMs,
    readLast: async () => connection.read(() => readLast.get()),
    readHead: async () => {
      const head = connection.read(() => readHead.get());
      if (head === undefined) throw new Error("the log has no head");
      return head;
    },
    insert: ({ position, time, note }) => connection.write(() => void insert.run(position, time, note)),
  });
}
