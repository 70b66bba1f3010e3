/** Statements of a write find their rows by an index, also by a plan that was made when the tables were empty. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Statement } from "../../../../src/store/postgres/connect/connection.ts";
import * as load from "../../../../src/store/postgres/write/load-statements.ts";
import { BEGIN } from "../../../../src/store/postgres/write/transaction.ts";
import * as write from "../../../../src/store/postgres/write/write-statements.ts";
import { sharedPostgres } from "../../../support/postgres.ts";
import { openPostgresFixture } from "../../support/postgres-fixture.ts";

const server = await sharedPostgres();

/** Reads all keys, which are few. */
const SCANS: readonly Statement[] = [load.LOAD_LASTING_OWNERS];

function statementsOf(exported: Readonly<Record<string, unknown>>): readonly Statement[] {
  const statements = Object.values(exported).flatMap((each) => {
    const { statement = each } = each as { readonly statement?: unknown };
    return [statement as Statement];
  });
  return statements.filter((each) => /^(?:SELECT|WITH|UPDATE|INSERT|DELETE)/.test(each.text) && !SCANS.includes(each));
}

describe("PostgreSQL: plans of writes", () => {
  test("read no table from end to end", async (t) => {
    const fixture = await openPostgresFixture(server, t);
    const client = await fixture.connect();
    await client.query(`${BEGIN}; SET LOCAL plan_cache_mode = force_generic_plan`);
    const statements = [...statementsOf(load), ...statementsOf(write)];
    assert.ok(statements.length > 25, `only ${statements.length} statements`);
    for (const { name, text } of statements) {
      await client.query(`PREPARE ${name} AS ${text}`);
      const count = new Set(text.match(/\$\d+/g)).size;
      const values = count === 0 ? "" : `(${Array.from({ length: count }, () => "NULL").join(", ")})`;
      const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN EXECUTE ${name} ${values}`);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      // The table of migrations is a page.
      assert.doesNotMatch(plan, /Seq Scan on (?!migrations)/, `${name}:\n${plan}`);
    }
  });
});
