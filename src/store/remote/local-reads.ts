/** The reads that a thread does by itself, with the engine's own means. */
import type { Session } from "../../domain/session.ts";
import type { SessionKey, SessionReading } from "../queries.ts";
import type { LocalReadsData, Store } from "../store.ts";

type ReadName = "readUser" | "readSignIn" | "findByIdentifier" | "readPolicy" | "readOrganization" | "readApiKey";

export interface LocalReads extends Pick<Store, ReadName> {
  /** Whether this thread may read now; if not, the store's own thread answers, or says why it cannot. */
  readonly isUsable: boolean;
  /** Returns the store's clock in milliseconds since the epoch; never below the newest record time. */
  now(): number;
  /** Reads a session with the activity that this thread knows of; another one may have seen it later. */
  readSession(key: SessionKey): Promise<SessionReading | undefined>;
  close(): void;
}

export interface LocalReadsOptions {
  readonly data: LocalReadsData;
  /** How many threads read by themselves, at least 1: they share the memory for caches. */
  readonly threads: number;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Returns a session with the last activity that this thread knows of. */
  readonly activity: (session: Session) => Session;
  /** The feed of changes of the configuration. */
  readonly configuration: Pick<Store, "follow" | "catchUp">;
}
