/** Signs checkpoints with an Ed25519 key. */
import { formatCheckpoint, formatVerifierKey, publicKeyOf, signNote } from "../../domain/signed-note.ts";
import type { CheckpointSigner } from "../history.ts";

export interface SigningKey {
  readonly origin: string;
  /** 32 secret bytes. */
  readonly seed: Uint8Array;
  /** Verifier keys that signed before. */
  readonly former: readonly string[];
}

/** Returns a signer whose key has the name of the instance. */
export function checkpointSigner({ origin, seed, former }: SigningKey): CheckpointSigner {
  return {
    origin,
    verifierKeys: [formatVerifierKey({ name: origin, publicKey: publicKeyOf(seed) }), ...former],
    sign: ({ position, link }) => signNote(formatCheckpoint({ origin, position, link }), { name: origin, seed }),
  };
}
