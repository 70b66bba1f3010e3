/** The scripts of PostgreSQL in compose.yaml, run on real servers: a standby that commits wait for, and that takes over. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import pg from "pg";
import { defer } from "../support/cleanup.ts";
import { freePort } from "../support/nginx.ts";
import { noPostgres, PostgresServer, startPostgres } from "../support/postgres.ts";
import { type Binaries, findBinaries } from "../support/postgres-binaries.ts";
import { own } from "../support/postgres-data.ts";
import { runCommand } from "../support/run-command.ts";
import { temporaryFolder } from "../support/service.ts";
import { until } from "../support/until.ts";

/** A commit that waits for a standby that is not there waits forever. */
const QUERY_MS_MAX = 20_000;
const SCRIPTS = join(import.meta.dirname, "../../deploy/postgres");

/** What a container gives to the scripts: secrets, and the folder of the data. */
interface Container {
  readonly folder: string;
  readonly secret: (name: string) => string;
  readonly run: (script: string, args: readonly string[], variables: Readonly<Record<string, string>>) => Promise<void>;
}

async function createContainer(t: TestContext, binaries: Binaries): Promise<Container> {
  const folder = await temporaryFolder(t);
  // Another user may run the servers.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "secrets"));
  const secrets = new Map(["replication", "database"].map((name) => [name, randomBytes(24).toString("hex")]));
  for (const [name, secret] of secrets) writeFileSync(join(folder, "secrets", `${name}-password`), `${secret}\n`);
  return {
    folder,
    secret: (name) => secrets.get(name) ?? "",
    run: async (script, args, variables) => {
      const file = join(folder, `${script}.sh`);
      const text = readFileSync(join(SCRIPTS, `${script}.sh`), "utf8");
      writeFileSync(file, text.replaceAll("/run/secrets", join(folder, "secrets")));
      const environment = { PATH: `${binaries.folder}${delimiter}${process.env.PATH}`, ...variables };
      const options = { environment, folder: "/", identity: binaries.identity };
      const { code, stdout, stderr } = await runCommand("sh", [file, ...args], options);
      assert.equal(code, 0, stdout + stderr);
    },
  };
}

async function query<R>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url, query_timeout: QUERY_MS_MAX });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows as R[];
  } finally {
    await client.end();
  }
}

async function whyNot(): Promise<string | false> {
  const missing = await noPostgres();
  if (missing !== undefined) return missing;
  const { folder } = (await findBinaries()) as Binaries;
  return ["psql", "pg_basebackup"].every((name) => existsSync(join(folder, name))) ? false : `no psql in ${folder}`;
}

test("commits wait for the standby, a promoted one takes writes, and the former primary acknowledges none", {
  skip: await whyNot(),
}, async (t) => {
  const binaries = (await findBinaries()) as Binaries;
  const container = await createContainer(t, binaries);
  const primary = await startPostgres(t);
  // The image's superuser has this name; the one of the tests has that of the service.
  const password = primary.password;
  await primary.query(`CREATE ROLE postgres SUPERUSER LOGIN PASSWORD '${password}'`);
  const admin = (port: number): string => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  await query(admin(primary.port), "ALTER ROLE lockkeeper RENAME TO bootstrap");
  const place = { PGHOST: "127.0.0.1", PGPORT: String(primary.port), PGPASSWORD: password };
  await container.run("primary", [], { ...place, PGDATA: primary.dataFolder });
  await primary.stop();
  await primary.start();

  const folder = join(container.folder, "standby");
  mkdirSync(folder);
  own(folder, binaries);
  const data = join(folder, "data");
  const follow = { PRIMARY: "127.0.0.1", PGPORT: String(primary.port), PGDATA: data };
  await container.run("standby", ["true"], follow);
  const port = await freePort();
  appendFileSync(join(data, "postgresql.auto.conf"), `port = ${port}\ncluster_name = 'standby'\n`);
  const standby = new PostgresServer(binaries, { port, folder, password });
  defer(t, () => standby.stop("immediate"));
  const database = (server: PostgresServer): string =>
    `postgres://lockkeeper:${container.secret("database")}@127.0.0.1:${server.port}/lockkeeper`;
  const isWaiting = query(database(primary), "CREATE TABLE changes (name text)");
  let isAnswered = false;
  isWaiting.then(
    () => (isAnswered = true),
    () => undefined,
  );
  await until(async () => {
    const waits = "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    return (await query(admin(primary.port), waits)).length > 0;
  }, "a commit that waits");
  assert.ok(!isAnswered);
  await standby.start();
  await isWaiting;
  const [state] = await query<{ name: string; state: string }>(
    admin(primary.port),
    "SELECT application_name AS name, sync_state AS state FROM pg_stat_replication",
  );
  assert.deepEqual(state, { name: "standby", state: "sync" });
  // A second start of the container copies nothing.
  await container.run("standby", ["true"], { ...follow, PRIMARY: "nowhere" });

  await query(database(primary), "INSERT INTO changes VALUES ('answered')");
  await primary.kill();
  await query(admin(port), "SELECT pg_promote(true, 30)");
  await query(database(standby), "INSERT INTO changes VALUES ('after')");
  assert.deepEqual(await query(database(standby), "SELECT name FROM changes"), [
    { name: "answered" },
    { name: "after" },
  ]);
  await primary.start();
  const acknowledged = query(database(primary), "INSERT INTO changes VALUES ('late')").then(() => true);
  assert.ok(!(await Promise.race([acknowledged, query(database(standby), "SELECT pg_sleep(1)").then(() => false)])));
  acknowledged.catch(() => undefined);
});
