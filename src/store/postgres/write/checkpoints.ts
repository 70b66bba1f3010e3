/** The checkpoints that this replica writes for all. */
import { CheckpointWriter } from "../../history/checkpoint-writer.ts";
import type { ChainLink, Checkpoint, CheckpointSigner } from "../../history.ts";
import type { Pool } from "../connect/pool.ts";
import { toReadError } from "../connect/trouble.ts";
import type { Writer } from "./writer.ts";

const READ_LAST = {
  name: "read_last_checkpoint",
  text: "SELECT position, time FROM checkpoints ORDER BY position DESC LIMIT 1",
};
const READ_HEAD = { name: "read_checkpoint_head", text: "SELECT position, link FROM log_head" };
const INSERT = {
  name: "insert_checkpoint",
  text: "INSERT INTO checkpoints (position, time, note) VALUES ($1, $2, $3) ON CONFLICT (position) DO NOTHING",
};

export interface CheckpointParts {
  readonly pool: Pool;
  readonly writer: Writer;
  readonly now: () => number;
  readonly signer: CheckpointSigner;
  readonly checkpointMs: number | undefined;
}

/** Returns what writes the checkpoints. Of several replicas the one with the lease calls it. */
export function createCheckpointWriter({ pool, writer, now, signer, checkpointMs }: CheckpointParts): CheckpointWriter {
  const readOne = async <R>(statement: typeof READ_LAST): Promise<R | undefined> => {
    try {
      return (await pool.use((connection) => connection.rows<R>(statement)))[0];
    } catch (error) {
      throw toReadError(error);
    }
  };
  return new CheckpointWriter({
    signer,
    now,
    everyMs: checkpointMs,
    readLast: () => readOne<Pick<Checkpoint, "position" | "time">>(READ_LAST),
    readHead: async () => {
      const head = await readOne<ChainLink>(READ_HEAD);
      if (head === undefined) throw new Error("the log has no head");
      return head;
    },
    async insert({ position, time, note }) {
      await writer.write(async (connection) => (await connection.run(INSERT, [position, time, note])).count);
    },
  });
}
