/** Options of a store that signs checkpoints each time its sweeper runs and the log grew. */
import { checkpointSigner } from "../../../src/store/history/checkpoint-signer.ts";
import type { StoreOptions } from "../../../src/store/store.ts";

const SEED = new Uint8Array(32).fill(7);

export const SIGNING = {
  openSigner: ({ origin }) => checkpointSigner({ origin, seed: SEED, former: [] }),
  checkpointMs: 0,
} satisfies Partial<StoreOptions>;
