/** Reads the instance's generation, which a restore raises. */
import type { Database } from "better-sqlite3";

/** Returns the generation: a whole number from 1. Throws if its row is missing. */
export function readGeneration(database: Database): number {
  const generation = database.prepare<[], number>("SELECT generation FROM instance WHERE id = 1").pluck().get();
  if (generation === undefined) throw new Error("the database has no instance: the row of the table is missing");
  return generation;
}
