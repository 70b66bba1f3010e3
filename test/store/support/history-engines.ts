/** Both engines, opened for tests that tamper with what a verification must find. */
import type { TestContext } from "node:test";
import { CHAIN_START, type ChainFault, type ChainLink, type UnknownSigner } from "../../../src/store/history.ts";
import type { Limits } from "../../../src/store/limits.ts";
import type { DatabaseReport } from "../../../src/store/offline.ts";
import { offlineServer } from "../../../src/store/postgres/offline/offline.ts";
import { verifyDatabase } from "../../../src/store/sqlite/offline/verify-database.ts";
import type { Store } from "../../../src/store/store.ts";
import { noPostgres, sharedPostgres } from "../../support/postgres.ts";
import { openPostgresFixture } from "./postgres-fixture.ts";
import { SIGNING } from "./signing.ts";
import { openFixture, type TestClock } from "./sqlite-fixture.ts";

export interface Opened {
  readonly store: Store & { sweep(): Promise<void> };
  readonly clock: TestClock;
  /** Runs statements behind the store's back. */
  readonly tamper: (statements: string) => Promise<unknown>;
  /** As `lockkeeper events verify --database` and `restore` do. */
  readonly verifyOffline: () => Promise<DatabaseReport>;
}

/** The engine, why it is skipped, and how it is opened. */
export const ENGINES: readonly (readonly [
  string,
  string | false,
  (t: TestContext, limits?: Partial<Limits>) => Promise<Opened>,
])[] = [
  [
    "SQLite",
    false,
    async (t, limits = {}) => {
      const fixture = await openFixture(t, { ...SIGNING, limits });
      const database = fixture.connect();
      const verifyOffline = () => verifyDatabase(database, fixture.path);
      return { ...fixture, tamper: async (statements) => database.exec(statements), verifyOffline };
    },
  ],
  [
    "PostgreSQL",
    (await noPostgres()) ?? false,
    async (t, limits = {}) => {
      const fixture = await openPostgresFixture(await sharedPostgres(), t, { ...SIGNING, limits });
      const verifyOffline = () => offlineServer(fixture.url).verify();
      return { ...fixture, tamper: (statements) => fixture.query(statements), verifyOffline };
    },
  ],
];

/** Verifies the history as VerifyHistory does. */
export async function verify(store: Store, held: readonly string[] = [], head?: ChainLink) {
  const faults: ChainFault[] = [];
  const unknownSigners: UnknownSigner[] = [];
  const end = head ?? (await store.history.head());
  let checkpoints = 0;
  for (let place = CHAIN_START; ; ) {
    const step = await store.history.verify({ head: end, place, held });
    faults.push(...step.faults);
    unknownSigners.push(...step.unknownSigners);
    checkpoints += step.checkpoints;
    place = step.place;
    if (step.isDone) return { faults, unknownSigners, events: place.events, checkpoints };
  }
}
