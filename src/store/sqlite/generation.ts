/** Reads the instance's generation, which a restore raises, and the seal of its tokens. */
import type { Database } from "better-sqlite3";
import { TOKEN_KEY_NAME, TokenSeal } from "../search/token-seal.ts";

/** Returns the generation: a whole number from 1. Throws if its row is missing. */
export function readGeneration(database: Database): number {
  const generation = database.prepare<[], number>("SELECT generation FROM instance WHERE id = 1").pluck().get();
  if (generation === undefined) throw new Error("the database has no instance: the row of the table is missing");
  return generation;
}

/** Returns the seal of page tokens and cursors. Throws if the row of its key is missing. */
export function createSeal(database: Database): TokenSeal {
  const select = database.prepare<[string], Buffer>("SELECT value FROM secrets WHERE name = ?").pluck();
  const key = select.get(TOKEN_KEY_NAME);
  if (key === undefined) throw new Error("the database has no key for page tokens: the row of secrets is missing");
  return new TokenSeal(key, readGeneration(database));
}
