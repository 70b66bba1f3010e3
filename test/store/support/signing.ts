/** Options of a store that signs checkpoints each time its sweeper runs and the log grew. */
import { formatCheckpoint, formatVerifierKey, publicKeyOf, signNote } from "../../../src/domain/signed-note.ts";
import type { CheckpointSigner } from "../../../src/store/history.ts";
import type { StoreOptions } from "../../../src/store/store.ts";

const SEED = new Uint8Array(32).fill(7);

function testSigner(name: string): CheckpointSigner {
  return {
    origin: name,
    verifierKeys: [formatVerifierKey({ name, publicKey: publicKeyOf(SEED) })],
    sign: (at) => signNote(formatCheckpoint({ origin: name, ...at }), { name, seed: SEED }),
  };
}

export const SIGNING = {
  openSigner: ({ origin }) => testSigner(origin),
  checkpointMs: 0,
} satisfies Partial<StoreOptions>;
