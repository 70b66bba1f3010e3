/** Keeps the planner's statistics right while tables fill for the first time. */
import type { Connection } from "../connect/connection.ts";

/**
 * Tables that have more than doubled since they were analyzed. The server's own daemon comes once a minute: until then
 * a plan that was made for an empty table would scan a full one for every read by key.
 */
const GROWN = {
  name: "grown_tables",
  text: `SELECT format('%I', c.relname) AS name FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname = current_schema() AND s.n_live_tup > 1000 + 2 * greatest(c.reltuples, 0)`,
};

/** Analyzes the tables that have outgrown their statistics, by a sample of each. */
export async function analyzeGrown(connection: Connection): Promise<void> {
  const grown = await connection.rows<{ name: string }>(GROWN);
  // One after another: each holds a lock against other maintenance of its table.
  for (const { name } of grown) await connection.run({ name: "", text: `ANALYZE ${name}` });
}
