/** Attempts by user and by network, the newest first. Frozen once released. */
import { isIP } from "node:net";
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const ADDRESSES_PER_QUERY = 500;

export const attemptLists: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(database);
    await run("ALTER TABLE attempts ADD COLUMN network TEXT");
    await fillNetworks(database, run);
    await run("CREATE INDEX attempts_subject ON attempts (subject, begin_time, id)");
    await run("CREATE INDEX attempts_network ON attempts (network, begin_time, id) WHERE network IS NOT NULL");
  },
};

/** Addresses are far fewer than attempts: each is looked at once. */
async function fillNetworks(database: Kysely<unknown>, run: (statement: string) => Promise<unknown>): Promise<void> {
  await run("CREATE TEMP TABLE networks (ip TEXT PRIMARY KEY, network TEXT NOT NULL)");
  const { rows } = await sql<{ ip: string }>`SELECT DISTINCT ip FROM attempts`.execute(database);
  for (let at = 0; at < rows.length; at += ADDRESSES_PER_QUERY) {
    const values = rows.slice(at, at + ADDRESSES_PER_QUERY).flatMap(({ ip }) => {
      const network = networkOf(ip);
      return network === undefined ? [] : [sql`(${ip}, ${network})`];
    });
    if (values.length > 0) await sql`INSERT INTO networks (ip, network) VALUES ${sql.join(values)}`.execute(database);
  }
  await run("UPDATE attempts SET network = (SELECT network FROM networks WHERE networks.ip = attempts.ip)");
  await run("DROP TABLE networks");
}

const MAPPED = 0xffffn;

/** The /24 network of an IPv4 address, the /64 network of an IPv6 address; `undefined`: the text is no address. */
function networkOf(ip: string): string | undefined {
  const [text = ""] = ip.split("%");
  const version = isIP(text);
  if (version === 0) return undefined;
  const address = version === 4 ? (MAPPED << 32n) | numberOf(text.split("."), 8n, "") : fromGroups(text);
  const rest = address >> 32n === MAPPED ? 8n : 64n;
  return ((address >> rest) << rest).toString(16);
}

function fromGroups(text: string): bigint {
  // The last two groups may be written as an IPv4 address.
  const dotted = /[^:]*\.[^:]*$/.exec(text)?.[0];
  const groups = (half: string): readonly string[] => half.split(":").filter((group) => group !== "");
  if (dotted !== undefined) {
    const end = numberOf(dotted.split("."), 8n, "");
    const hex = [end >> 16n, end & 0xffffn].map((group) => group.toString(16)).join(":");
    return fromGroups(text.slice(0, -dotted.length) + hex);
  }
  const [left = [], right = []] = text.split("::").map(groups);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return numberOf([...left, ...zeros, ...right], 16n, "0x");
}

function numberOf(parts: readonly string[], bits: bigint, prefix: string): bigint {
  return parts.reduce((number, part) => (number << bits) | BigInt(prefix + part), 0n);
}
