/** One connection to PostgreSQL: statements in a pipeline, each prepared once under its name. */
import type { ConnectionOptions as TlsOptions } from "node:tls";
import pg from "pg";

/** A statement. No two statements have the same name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What a statement came to. */
export interface Answer {
  /** The first word of the command tag: `COMMIT`, or `ROLLBACK` where COMMIT found a failed transaction. */
  readonly command: string;
  /** Rows that it returned or changed. */
  readonly count: number;
}

/** Where a server is, and how to enter. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** `false`: cleartext. */
  readonly tls: TlsOptions | false;
}

export interface ConnectionOptions {
  readonly server: ServerAddress;
  /** Whether statements are prepared once under their names; `false`: poolers may give each transaction another server. */
  readonly prepare: boolean;
  /** How long opening may take, in milliseconds. */
  readonly connectMs: number;
}

/** Shown in pg_stat_activity. */
const APPLICATION_NAME = "lockkeeper";
/**
 * The first probe of an idle connection, in milliseconds. Node cannot set TCP_USER_TIMEOUT: a peer that vanishes while a
 * statement is under way is noticed by the limits of those that wait for it.
 */
const KEEP_ALIVE_MS = 5_000;
/** How long a goodbye may take, in milliseconds. */
const CLOSE_MS = 1_000;

/** OIDs of types in PostgreSQL's catalogue, which never change. */
const INT8_OID = 20;

const types = new pg.TypeOverrides();
types.setTypeParser(INT8_OID, parseInt8);

export class Connection {
  readonly #client: pg.Client;
  readonly #prepare: boolean;
  #ended: boolean = false;
  #warnings = 0;
  #pending = 0;
  #failures = 0;

  private constructor(client: pg.Client, prepare: boolean) {
    this.#client = client;
    this.#prepare = prepare;
    // An error that belongs to no statement; the end follows, and all open statements are rejected.
    client.on("error", () => undefined);
    client.on("notice", ({ severity }) => {
      if (severity === "WARNING") this.#warnings++;
    });
    client.once("end", () => {
      this.#ended = true;
    });
  }

  /** Connects. Rejects with the driver's error. */
  static async open({ server, prepare, connectMs }: ConnectionOptions): Promise<Connection> {
    const { host, port, user, password, database, tls } = server;
    const client = new pg.Client({
      host,
      port,
      user,
      // A function, because the driver would look for another one in the environment and in files.
      password: () => password ?? "",
      database,
      ssl: tls,
      application_name: APPLICATION_NAME,
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      types,
      pipeline: true,
    } as pg.ClientConfig);
    guardParser(client);
    const connection = new Connection(client, prepare);
    try {
      await client.connect();
    } catch (error) {
      connection.destroy();
      throw error;
    }
    return connection;
  }

  /** Calls back once, when the connection is lost or closed; at once if it is already. */
  whenEnded(listener: () => void): void {
    if (this.#ended) listener();
    else this.#client.once("end", listener);
  }

  /** Whether statements can be sent. */
  get isUsable(): boolean {
    return !this.#ended;
  }

  /** Whether nothing is under way: no statement, and no transaction. */
  get isIdle(): boolean {
    return !this.#ended && this.#pending === 0 && this.#client.getTransactionStatus() === "I";
  }

  /** Statements that have failed so far. */
  get failures(): number {
    return this.#failures;
  }

  /** Warnings that the server has sent so far. */
  get warnings(): number {
    return this.#warnings;
  }

  /** Sends a statement at once, after those before it; returns its rows as objects. */
  async rows<R>({ name, text }: Statement, values: readonly unknown[] = []): Promise<R[]> {
    const { rows } = await this.#send({ ...this.#named(name), text, values: [...values] });
    // The caller names the columns that its statement returns.
    return rows as R[];
  }

  /** As `rows`, each row as an array of its columns. */
  async arrays<R extends readonly unknown[]>({ name, text }: Statement, values: readonly unknown[] = []): Promise<R[]> {
    const { rows } = await this.#send({ ...this.#named(name), text, values: [...values], rowMode: "array" });
    return rows as unknown as R[];
  }

  /** Sends a statement whose rows nobody needs. */
  async run({ name, text }: Statement, values: readonly unknown[] = []): Promise<Answer> {
    const { command, rowCount } = await this.#send({ ...this.#named(name), text, values: [...values] });
    return { command, count: rowCount ?? 0 };
  }

  /** Sends statements without values as one message, such as BEGIN with the settings of its transaction. */
  async simple(text: string): Promise<void> {
    await this.#send({ text });
  }

  /** Sends what `send` sends in one piece: one flight to the server. */
  flight<T>(send: () => T): T {
    const stream = socketOf(this.#client);
    stream.cork();
    try {
      return send();
    } finally {
      stream.uncork();
    }
  }

  /** Says goodbye after the statements that are under way; cuts the connection to a server that does not answer. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.destroy(), CLOSE_MS);
    try {
      await this.#client.end();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Cuts the connection; the server rolls back what is not committed. */
  destroy(): void {
    socketOf(this.#client).destroy();
  }

  async #send(query: pg.QueryConfig & { readonly rowMode?: "array" }): Promise<pg.QueryResult> {
    this.#pending++;
    try {
      return await this.#client.query(query);
    } catch (error) {
      this.#failures++;
      throw error;
    } finally {
      this.#pending--;
    }
  }

  #named(name: string): { readonly name?: string } {
    return this.#prepare ? { name } : {};
  }
}

interface Listening {
  on(event: string, listener: (...values: unknown[]) => void): unknown;
}

/**
 * Ends the connection where its bytes are none of PostgreSQL's: the driver's parser throws then, in an event of the
 * socket, which would end the process.
 */
function guardParser(client: pg.Client): void {
  const { connection } = client as unknown as { connection: { attachListeners(stream: Listening): void } };
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => {
    const guarded =
      (listener: (...values: unknown[]) => void) =>
      (...values: unknown[]) => {
        try {
          listener(...values);
        } catch {
          socketOf(client).destroy();
        }
      };
    attach({ on: (event, listener) => stream.on(event, event === "data" ? guarded(listener) : listener) });
  };
}

/** The driver's types leave the socket out. */
function socketOf(client: pg.Client): { cork(): void; uncork(): void; destroy(): void } {
  return (client as unknown as { connection: { stream: { cork(): void; uncork(): void; destroy(): void } } }).connection
    .stream;
}

/** Reads an int8 as a number. Throws beyond 2^53: another number would be worse than none. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new Error(`PostgreSQL answered the number ${text}; numbers up to 2^53 are exact`);
}
