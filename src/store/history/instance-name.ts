/** The name of an instance: the first line of its checkpoints. */
import { createHash } from "node:crypto";

const DIGITS = 16;

/**
 * Returns a name that stays as long as the database, also when it is moved or restored. `tokenKey`: the random key that
 * each new database makes; the name reveals nothing of it.
 */
export function instanceName(tokenKey: Uint8Array): string {
  const digest = createHash("sha256").update("lockkeeper instance\n").update(tokenKey).digest("hex");
  return `lockkeeper/${digest.slice(0, DIGITS)}`;
}
