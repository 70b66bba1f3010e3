/** Opens a connection to the host of a database that takes writes: one of several after a failover. */
import { setTimeout as sleep } from "node:timers/promises";
import { describeAddress, describeHost, type Host, type PostgresAddress } from "./address.ts";
import { Connection } from "./connection.ts";
import type { Primary } from "./primary.ts";
import { ReadOnlyError, startFault } from "./start-fault.ts";
import { serverAt } from "./tls.ts";

export interface OpenOptions {
  readonly address: PostgresAddress;
  /** See ConnectionOptions. */
  readonly prepare: boolean;
  /** How long one host may take, in milliseconds; the default is 5,000. */
  readonly connectMs?: number;
  /** What is known of the host that took writes before: it is tried first, and a former one is refused. */
  readonly primary?: Primary | undefined;
}

export interface Opened {
  readonly connection: Connection;
  readonly host: Host;
  /** See Primary. */
  readonly timeline: number;
}

const CONNECT_MS = 5_000;
/** The head start of a host before the next one, in milliseconds: one that vanished costs no more. */
const HEAD_START_MS = 300;

/** How long the other hosts have to answer when the first one has, in milliseconds. */
const COMPARE_MS = 1_000;

interface Found {
  readonly is_standby: boolean;
  readonly is_read_only: boolean;
  readonly timeline: number;
}

const READ_ONLY = {
  name: "read_only",
  // A standby, or a database, role or server that was made read-only. The name of a segment begins with the timeline.
  text: `SELECT pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only') = 'on' AS is_read_only,
    CASE WHEN pg_is_in_recovery() THEN 0
      ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline`,
};

/**
 * Opens a connection to a host that takes writes: of several such hosts to the one with the newest timeline, as a
 * former primary may be up again. Rejects with an Error of one plain sentence that says what is wrong with each host;
 * its cause is the driver's error, for a single host.
 */
export async function openWritable(options: OpenOptions): Promise<Opened> {
  const { address, primary } = options;
  const first = primary?.host;
  const others = address.hosts.filter((host) => host !== first);
  const hosts = first === undefined ? others : [first, ...others];
  try {
    const opened = await (first === undefined ? openNewest(hosts, options) : openFirst(hosts, options));
    primary?.found(opened.host, opened.timeline);
    return opened;
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    const { errors } = error;
    const sentences = errors.map((each: unknown, index) => sentenceOf(each, hosts[index], options));
    throw new Error([...new Set(sentences)].join("; "), { cause: errors.length === 1 ? errors[0] : error });
  }
}

/** Tries one host after the other, each with a head start. Rejects with AggregateError. */
async function openFirst(hosts: readonly Host[], options: OpenOptions): Promise<Opened> {
  let isFound = false;
  let previous: Promise<unknown> = Promise.resolve();
  const attempts = hosts.map(async (host, index) => {
    const before = previous;
    const attempt = Promise.race([before, sleep(HEAD_START_MS * index, undefined, { ref: false })]).then(async () => {
      if (isFound) throw new Error("another host takes writes");
      const opened = await openHost(host, options);
      if (isFound) {
        await opened.connection.close();
        throw new Error("another host takes writes");
      }
      isFound = true;
      return opened;
    });
    // The next one begins when this one has failed, or has used up its head start.
    previous = attempt.then(
      () => new Promise(() => undefined),
      () => undefined,
    );
    return await attempt;
  });
  return await Promise.any(attempts);
}

/** Tries all hosts at once and keeps the one with the newest timeline. Rejects with AggregateError. */
async function openNewest(hosts: readonly Host[], options: OpenOptions): Promise<Opened> {
  const found: Opened[] = [];
  let isChosen: boolean = false;
  const attempts = hosts.map(async (host) => {
    const opened = await openHost(host, options);
    if (isChosen) await opened.connection.close();
    else found.push(opened);
  });
  await Promise.any(attempts);
  await Promise.race([Promise.allSettled(attempts), sleep(COMPARE_MS, undefined, { ref: false })]);
  isChosen = true;
  const [newest, ...others] = found.sort((a, b) => b.timeline - a.timeline);
  await Promise.all(others.map(({ connection }) => connection.close()));
  if (newest === undefined) throw new Error("open: a host answered, and none is there");
  return newest;
}

async function openHost(
  host: Host,
  { address, prepare, primary, connectMs = CONNECT_MS }: OpenOptions,
): Promise<Opened> {
  const server = serverAt(address, host);
  const connection = await Connection.open({ server, prepare, connectMs });
  // A server, or a pooler without one, may let us in and then say nothing.
  const silent = setTimeout(() => connection.destroy(), connectMs);
  try {
    const [found] = await connection.rows<Found>(READ_ONLY);
    const fault = found && faultOf(found, host, address, primary?.timeline ?? 0);
    if (fault !== undefined) throw new ReadOnlyError(fault);
    return { connection, host, timeline: found?.timeline ?? 0 };
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    clearTimeout(silent);
  }
}

/** Returns why a server must not be used; undefined: it may. `newest`: the newest timeline that is known. */
function faultOf(found: Found, host: Host, address: PostgresAddress, newest: number): string | undefined {
  const place = describeHost(host);
  if (found.is_standby) {
    return `PostgreSQL at ${place} is a standby, which takes no writes; name the primary in the URL, alone or in addition`;
  }
  if (found.is_read_only) {
    return `the database ${describeAddress({ ...address, hosts: [host] })} takes no writes for the user ${address.user}: default_transaction_read_only is on`;
  }
  if (found.timeline < newest) {
    return `PostgreSQL at ${place} is a former primary: its timeline is ${found.timeline}, and another server was promoted to ${newest}; stop it, or make it a standby`;
  }
  return undefined;
}

function sentenceOf(error: unknown, host: Host | undefined, { address, connectMs = CONNECT_MS }: OpenOptions): string {
  if (error instanceof ReadOnlyError || host === undefined) return (error as Error).message;
  return startFault(error, { address, host, connectMs });
}
