/** Runs PostgreSQL's own pgbench with the statements of one change, each change in a transaction of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PostgresServer } from "../../test/support/postgres.ts";
import { findBinaries } from "../../test/support/postgres-binaries.ts";
import { type Sample, sampleOf } from "../support/load.ts";

/** What one change of lockkeeper has left in the database; changes of pgbench leave the same, for other users. */
export interface Change {
  readonly type: string;
  readonly actor: string;
  readonly via: string;
  readonly body: Buffer;
  readonly hash: Buffer;
  readonly link: Buffer;
  readonly state: string;
  readonly kinds: number;
  readonly next_due: string | null;
  readonly restrictions: string | null;
}

/** Reads what the newest change has left. */
export async function readChange(server: PostgresServer, database: string): Promise<Change> {
  const [change] = await server.query<Change>(
    `SELECT e.type, e.actor, e.via, e.body, e.hash, h.link, u.state, u.kinds, u.next_due, u.restrictions
      FROM log_head AS h JOIN events AS e ON e.position = h.position JOIN user_state AS u ON u.id = e.user_id`,
    database,
  );
  if (change === undefined) throw new Error("the newest event is not a user's");
  return change;
}

/** Returns the path of pgbench, which is next to the server's programs. */
export async function findPgbench(): Promise<string> {
  const binaries = await findBinaries();
  if (typeof binaries === "string") throw new Error(binaries);
  const path = join(binaries.folder, "pgbench");
  if (!existsSync(path)) throw new Error(`there is no pgbench in ${binaries.folder} (Debian: postgresql-contrib)`);
  return path;
}

export interface PgbenchOptions {
  readonly program: string;
  readonly server: PostgresServer;
  readonly database: string;
  readonly users: number;
  /** They come in turn, each for a random user. */
  readonly changes: readonly Change[];
}

/** Runs one round on so many connections. Throws when a transaction fails. */
export async function runPgbench(options: PgbenchOptions, connections: number, seconds: number): Promise<Sample> {
  const { program, server, database, changes, users } = options;
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-pgbench-"));
  try {
    const words = ["-n", "-M", "prepared", "-c", `${connections}`, "-j", "1", "-T", `${seconds}`];
    const log = ["-l", `--log-prefix=${join(folder, "log")}`];
    const scripts = changes.flatMap((change, index) => {
      const path = join(folder, `${index}.sql`);
      writeFileSync(path, scriptOf(index, change));
      return ["-f", path, ...definitionsOf(index, change)];
    });
    const place = ["-h", "127.0.0.1", "-p", `${server.port}`, "-U", new URL(server.url()).username, database];
    const all = [...words, ...log, "-D", `users=${users}`, ...scripts, ...place];
    const printed = await output(program, all, server.password);
    const [, failed = "?"] = /^number of failed transactions: (\d+) /m.exec(printed) ?? [];
    const [, perSecond = "NaN"] = /^tps = ([\d.]+) \(without initial connection time\)/m.exec(printed) ?? [];
    if (failed !== "0") throw new Error(`pgbench: ${failed} transactions failed\n${printed}`);
    const micros = readdirSync(folder)
      .filter((name) => name.startsWith("log"))
      .flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n"))
      .map((line) => Number(line.split(" ")[2]));
    const sorted = Float64Array.from(micros, (each) => each / 1000).sort();
    return sampleOf(sorted, sorted.length / Number(perSecond));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The statements of src/store/postgres/write for one command, in their order and with the same values. Limits of time
 * are left out, and each is written for one row, as in a service that commits each change.
 */
function scriptOf(index: number, { next_due: nextDue, restrictions }: Change): string {
  const own = (name: string): string => `:${name}_${index}`;
  const nullable = (name: string, value: unknown): string => (value === null ? "NULL" : own(name));
  const lines = [
    "\\set n random(0, :users - 1)",
    "BEGIN;",
    `UPDATE log_head SET record_time = record_time WHERE id = 1
      RETURNING position, link, config_position,
        greatest(record_time, (extract(epoch FROM clock_timestamp()) * 1000)::int8) AS now \\gset`,
    `SELECT id, organization_id, state, sequence, epoch, creation_time, change_time, last_position, restrictions,
      (SELECT '[' || profile || ',' || attributes || ']' FROM user_profile WHERE user_profile.id = user_state.id) AS person
      FROM user_state WHERE id = '0190a000-0000-7000-8000-' || lpad(to_hex(:n::int8), 12, '0') \\gset`,
    `INSERT INTO events (position, previous_position, organization_id, user_id, sequence, type, time, record_time,
        actor, via, request_id, body, hash)
      VALUES (:position::int8 + 1, :last_position, :organization_id, :id, :sequence::int8 + 1, ${own("type")}, :now, :now,
        ${own("actor")}, ${own("via")}, '', ${own("body")}, ${own("hash")});`,
    `INSERT INTO links (last_position, link) VALUES (:position::int8 + 1, ${own("link")});`,
    `UPDATE user_state SET state = ${own("state")}, kinds = ${own("kinds")}, sequence = :sequence::int8 + 1,
        epoch = :epoch, creation_time = :creation_time, change_time = :now, next_due = ${nullable("due", nextDue)},
        last_position = :position::int8 + 1, restrictions = ${nullable("restrictions", restrictions)} WHERE id = :id;`,
    `UPDATE log_head SET position = :position::int8 + 1, link = ${own("link")}, record_time = :now,
        config_position = :config_position WHERE id = 1;`,
    "COMMIT;",
  ];
  // Each command of a script is one line.
  return lines.map((line) => `${line.replaceAll(/\s+/g, " ")}\n`).join("");
}

function definitionsOf(index: number, change: Change): readonly string[] {
  const values: Readonly<Record<string, string | number | null>> = {
    type: change.type,
    actor: change.actor,
    via: change.via,
    body: `\\x${change.body.toString("hex")}`,
    hash: `\\x${change.hash.toString("hex")}`,
    link: `\\x${change.link.toString("hex")}`,
    state: change.state,
    kinds: change.kinds,
    due: change.next_due,
    restrictions: change.restrictions,
  };
  const given = Object.entries(values).filter(([, value]) => value !== null);
  return given.flatMap(([name, value]) => ["-D", `${name}_${index}=${value}`]);
}

async function output(program: string, words: readonly string[], password: string): Promise<string> {
  const env = { ...process.env, PGPASSWORD: password };
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], env });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text: Buffer) => {
      printed += text.toString();
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`pgbench ended with ${code}: ${printed}`);
  return printed;
}
