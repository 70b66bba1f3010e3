/** Opens a database for the store: connects, checks the server, migrates, and reads what never changes while it serves. */
import { randomUUIDv7 } from "node:crypto";
import { instanceName } from "../history/instance-name.ts";
import type { CheckpointSigner } from "../history.ts";
import { TOKEN_KEY_NAME, TokenSeal } from "../search/token-seal.ts";
import type { StoreOptions } from "../store.ts";
import { JUMP_MS } from "../upkeep/steady-clock.ts";
import { describeAddress, parseAddress } from "./connect/address.ts";
import type { Connection } from "./connect/connection.ts";
import { enterServer } from "./connect/enter-server.ts";
import { Pool } from "./connect/pool.ts";
import { Primary } from "./connect/primary.ts";
import { type HeadReading, readHead } from "./live/head-watch.ts";
import { migrate } from "./schema/migrate.ts";
import { assertMoveEnded } from "./schema/moves.ts";

export interface PostgresOptions {
  /** `postgres://…`, as address.ts describes it. */
  readonly url: string;
  /** Whether statements are prepared; `false` behind a pooler that gives each transaction another connection. */
  readonly prepare: boolean;
  /** At least 3: one writes, some read by key, and the others read lists, which take longer. */
  readonly connections: number;
}

export interface OpenedDatabase {
  /** For reads by key. */
  readonly pool: Pool;
  /** For lists and searches: however many there are, reads by key do not wait for them. */
  readonly listPool: Pool;
  /** One connection, for writes. */
  readonly writerPool: Pool;
  readonly head: HeadReading;
  readonly generation: number;
  /** Seals page tokens and cursors. */
  readonly seal: TokenSeal;
  /** Absent: nobody signs checkpoints. */
  readonly signer: CheckpointSigner | undefined;
  /** `cutMs`: as Pool.close has it. */
  readonly close: (cutMs?: number) => Promise<void>;
}

/** Reads by key share flights, so more connections would only make the flights smaller. */
const READERS_MAX = 4;
/** Longest snapshot of a list, in milliseconds: a little more than one statement may take, see Limits.readMs. */
const LIST_MS_MAX = 12_000;
/** Longest read by key, in milliseconds; then its connection is cut. */
const READ_MS_MAX = 5_000;

type Options = PostgresOptions &
  Pick<StoreOptions, "clock" | "usesDatabaseClock" | "onWarning" | "onTrouble" | "allowClockBehind" | "openSigner">;

/** Rejects with one plain sentence when the database cannot be used. */
export async function openDatabase(options: Options): Promise<OpenedDatabase> {
  const { url, prepare, connections, onWarning, onTrouble } = options;
  const address = parseAddress(url);
  const found = await enterServer(address, async (connection, { warnings }) => {
    for (const warning of warnings) onWarning?.(warning);
    const place = describeAddress(address);
    await migrate(connection, { place, holder: randomUUIDv7() });
    await assertMoveEnded(connection, place);
    return {
      head: await readHead(connection),
      generation: await readOne<number>(connection, "generation", "SELECT generation FROM instance WHERE id = 1"),
      tokenKey: await readOne<Buffer>(connection, "token key", "SELECT value FROM secrets WHERE name = $1", [
        TOKEN_KEY_NAME,
      ]),
      hasCheckpoints: await readOne<boolean>(connection, "checkpoints", "SELECT EXISTS (SELECT FROM checkpoints)"),
    };
  });
  assertClock(found.head, options);
  const { hasCheckpoints, tokenKey } = found;
  const signer = options.openSigner?.({ origin: instanceName(tokenKey), hasCheckpoints });
  const shared = { address, prepare, primary: new Primary(), ...(onTrouble && { onTrouble }) };
  const readers = Math.min(READERS_MAX, Math.floor((connections - 1) / 2));
  const pool = new Pool({ ...shared, connectionsMax: readers, workMs: READ_MS_MAX });
  const listPool = new Pool({ ...shared, connectionsMax: connections - 1 - readers, workMs: LIST_MS_MAX });
  const writerPool = new Pool({ ...shared, connectionsMax: 1, outcome: "NOT_APPLIED" });
  const close = async (cutMs?: number): Promise<void> => {
    await Promise.all([pool, listPool, writerPool].map((each) => each.close(cutMs)));
  };
  const seal = new TokenSeal(tokenKey, found.generation);
  return { ...found, seal, signer, pool, listPool, writerPool, close };
}

async function readOne<T>(
  connection: Connection,
  what: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<T> {
  const [row] = await connection.arrays<readonly [T]>({ name: `read_${what.replace(" ", "_")}`, text }, values);
  if (row === undefined) throw new Error(`the database has no ${what}: its row is missing`);
  return row[0];
}

/** Throws one plain sentence when the clock that decides is more than 60 s behind the newest record. */
function assertClock({ recordTime, serverTime }: HeadReading, options: Options): void {
  const { clock, usesDatabaseClock = false, allowClockBehind = false } = options;
  const now = usesDatabaseClock ? serverTime : clock();
  const behindMs = recordTime - now;
  if (allowClockBehind || behindMs <= JUMP_MS) return;
  throw new Error(
    `the clock ${usesDatabaseClock ? "of the database server " : ""}says ${new Date(now).toISOString()}, but the newest record is of ${new Date(recordTime).toISOString()}: it is ${Math.round(behindMs / 1000)} s behind, at most ${JUMP_MS / 1000} s are allowed; set the clock`,
  );
}
