/** Opens a connection to the host of a database that takes writes: one of several after a failover. */
import { setTimeout as sleep } from "node:timers/promises";
import { describeAddress, describeHost, type Host, type PostgresAddress } from "./address.ts";
import { Connection } from "./connection.ts";
import { ReadOnlyError, startFault } from "./start-fault.ts";
import { serverAt } from "./tls.ts";

export interface OpenOptions {
  readonly address: PostgresAddress;
  /** See ConnectionOptions. */
  readonly prepare: boolean;
  /** How long one host may take, in milliseconds; the default is 5,000. */
  readonly connectMs?: number;
  /** The host to try first: the one that took writes before. */
  readonly first?: Host | undefined;
  /** Called once when the connection is lost or closed. */
  readonly onEnd?: () => void;
}

export interface Opened {
  readonly connection: Connection;
  readonly host: Host;
}

const CONNECT_MS = 5_000;
/** The head start of a host before the next one, in milliseconds: one that vanished costs no more. */
const HEAD_START_MS = 300;

const READ_ONLY = {
  name: "read_only",
  // A standby, or a database, role or server that was made read-only.
  text: "SELECT pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only') = 'on' AS is_read_only",
};

/**
 * Opens a connection to a host that takes writes. Rejects with an Error of one plain sentence that says what is wrong
 * with each host; its cause is the driver's error, for a single host.
 */
export async function openWritable(options: OpenOptions): Promise<Opened> {
  const { address, first } = options;
  const others = address.hosts.filter((host) => host !== first);
  const hosts = first === undefined ? others : [first, ...others];
  let isFound = false;
  let previous: Promise<unknown> = Promise.resolve();
  const attempts = hosts.map(async (host, index) => {
    const before = previous;
    const attempt = Promise.race([before, sleep(HEAD_START_MS * index, undefined, { ref: false })]).then(async () => {
      if (isFound) throw new Error("another host takes writes");
      const connection = await openHost(host, options);
      if (isFound) {
        await connection.close();
        throw new Error("another host takes writes");
      }
      isFound = true;
      return { connection, host };
    });
    // The next one begins when this one has failed, or has used up its head start.
    previous = attempt.then(
      () => new Promise(() => undefined),
      () => undefined,
    );
    return await attempt;
  });
  try {
    return await Promise.any(attempts);
  } catch (error) {
    const { errors } = error as AggregateError;
    const sentences = errors.map((each: unknown, index) => sentenceOf(each, hosts[index], options));
    throw new Error([...new Set(sentences)].join("; "), { cause: errors.length === 1 ? errors[0] : error });
  }
}

async function openHost(
  host: Host,
  { address, prepare, connectMs = CONNECT_MS, onEnd }: OpenOptions,
): Promise<Connection> {
  const server = serverAt(address, host);
  const connection = await Connection.open({ server, prepare, connectMs, ...(onEnd && { onEnd }) });
  try {
    const [found] = await connection.rows<{ is_standby: boolean; is_read_only: boolean }>(READ_ONLY);
    if (found?.is_standby) {
      throw new ReadOnlyError(
        `PostgreSQL at ${describeHost(host)} is a standby, which takes no writes; name the primary in the URL, alone or in addition`,
      );
    }
    if (found?.is_read_only) {
      throw new ReadOnlyError(
        `the database ${describeAddress({ ...address, hosts: [host] })} takes no writes for the user ${address.user}: default_transaction_read_only is on`,
      );
    }
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

function sentenceOf(error: unknown, host: Host | undefined, { address, connectMs = CONNECT_MS }: OpenOptions): string {
  if (error instanceof ReadOnlyError || host === undefined) return (error as Error).message;
  return startFault(error, { address, host, connectMs });
}
