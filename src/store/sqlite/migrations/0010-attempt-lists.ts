/** Indexes to list attempts by user and by network, newest first. Frozen once released. */
import { isIP } from "node:net";
import type { Database } from "better-sqlite3";

export const attemptLists = {
  name: "0010-attempt-lists",
  run(database: Database): void {
    database.exec("ALTER TABLE attempts ADD COLUMN network TEXT");
    fillNetworks(database);
    database.exec("CREATE INDEX attempts_subject ON attempts (subject, begin_time, id)");
    database.exec("CREATE INDEX attempts_network ON attempts (network, begin_time, id) WHERE network IS NOT NULL");
  },
};

/** Computes each network once: there are far fewer addresses than attempts. */
function fillNetworks(database: Database): void {
  database.exec("CREATE TEMP TABLE networks (ip TEXT PRIMARY KEY, network TEXT NOT NULL)");
  const insert = database.prepare("INSERT INTO networks (ip, network) VALUES (?, ?)");
  for (const ip of database.prepare<[], string>("SELECT DISTINCT ip FROM attempts").pluck().all()) {
    const network = networkOf(ip);
    if (network !== undefined) insert.run(ip, network);
  }
  database.exec("UPDATE attempts SET network = (SELECT network FROM networks WHERE networks.ip = attempts.ip)");
  database.exec("DROP TABLE networks");
}

const MAPPED = 0xffffn;

/** Returns the /24 network of an IPv4 address or the /64 network of an IPv6 address; `undefined`: not an address. */
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
