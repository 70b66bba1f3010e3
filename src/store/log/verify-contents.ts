/** Verifies what is in a database: the chain, that rows equal their replayed events, and the generation. */

import { byKind, CheckpointComparison, type CheckpointFinding } from "../history/checkpoint-fault.ts";
import type { CheckpointJudge, DatabaseReport, VerifyProgress } from "../offline.ts";
import type { InstanceTable, LogHeadTable } from "../rows/schema.ts";
import { decodeBody } from "./event-encoding.ts";
import { type ChainFault, type ChainSource, verifyChain } from "./verify-chain.ts";
import { UNEXPLAINED_ERASURE } from "./verify-erasures.ts";
import { type RowFault, type UserSource, verifyUsers } from "./verify-users.ts";

/** An event that the row of its user does not know. */
export interface UnknownEvent {
  readonly user_id: string;
  readonly position: number;
}

/** Finds the event of `ContentSource.unknownEvent`, on both engines. */
export const FIND_UNKNOWN_EVENT = `SELECT user_id, position FROM events WHERE user_id IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM user_state WHERE id = events.user_id AND last_position >= events.position) ORDER BY position LIMIT 1`;

/** A database as an engine reads it, at one moment. */
export interface ContentSource {
  /** The database, for errors. */
  readonly place: string;
  readonly head: LogHeadTable;
  readonly chain: ChainSource;
  /** The name of the instance. */
  readonly origin: string;
  /** The signed notes that it has: one for each hour at most. */
  readonly checkpoints: readonly string[];
  readonly users: UserSource;
  /** Reads the first event of a user that is newer than the user's row, or whose user has no row. */
  readonly unknownEvent: () => Promise<UnknownEvent | undefined>;
  /** Reads the user of the first row of `erasures` whose user has no row. */
  readonly unknownErasure: () => Promise<string | undefined>;
  readonly instance: InstanceTable | undefined;
  /** The body of the event at which the instance stands; `undefined`: it has none. */
  readonly instanceBody: Uint8Array | undefined;
  /** The newest migration. */
  readonly schemaVersion: string;
}

/** Users in a slice: their events are read together. */
const SLICE_USERS = 500;

/** Verifies a database with the schema of this version. Rejects with one plain sentence at the first fault. */
export async function verifyContents(
  source: ContentSource,
  progress: VerifyProgress,
  judge: CheckpointJudge = { note: "", verifierKeys: [] },
): Promise<DatabaseReport> {
  const { place, head, instance, origin } = source;
  const notes = judge.note === "" ? source.checkpoints : [...source.checkpoints, judge.note];
  const comparison = new CheckpointComparison(notes, { origin, verifierKeys: judge.verifierKeys });
  const chain = await verifyChain(source.chain, {
    faultsMax: 1,
    onLink: (link) => comparison.take(link),
    progress: (events) => progress("events", events, head.position),
  });
  const [broken] = chain.faults;
  // Where the chain is broken, the rest of the links was not read.
  const isJudged = ({ position }: CheckpointFinding): boolean => broken === undefined || position < broken.position;
  const { faults, unknownSigners } = byKind(comparison.findingsAt(head.position).filter(isJudged));
  const fault = faults[0] ?? broken;
  if (fault !== undefined) throw notAsWritten(place, fault);
  const rows = await verifyUsers(source.users, SLICE_USERS, (users) => progress("users", users, 0));
  const [differing] = rows.faults;
  if (differing?.position !== undefined) throw notAsWritten(place, { ...differing, position: differing.position });
  if (differing !== undefined) throw notOfItsHistory(place, differing);
  // A row that is gone, or one as it was some events ago, agrees with the events that it leads to.
  const unknown = rows.events === chain.userEvents ? undefined : await source.unknownEvent();
  if (unknown !== undefined) {
    const fault = `user_state does not know the event at position ${unknown.position}`;
    throw notOfItsHistory(place, { userId: unknown.user_id, fault });
  }
  const stranger = await source.unknownErasure();
  if (stranger !== undefined) throw notOfItsHistory(place, { userId: stranger, fault: UNEXPLAINED_ERASURE });
  if (instance === undefined || instance.generation !== generationOf(source.instanceBody)) {
    throw new Error(`the generation in ${place} is not the one that its history gives`);
  }
  return {
    generation: instance.generation,
    position: head.position,
    link: head.link,
    recordTime: head.record_time,
    schemaVersion: source.schemaVersion,
    events: chain.events,
    users: rows.users,
    checkpoints: notes.length,
    unknownSigners,
  };
}

function notOfItsHistory(place: string, { userId, fault }: RowFault): Error {
  return new Error(`the user ${JSON.stringify(userId)} in ${place} is not what its history gives: ${fault}`);
}

function notAsWritten(place: string, { position, fault }: ChainFault): Error {
  return new Error(`the history in ${place} is not as it was written, at position ${position}: ${fault}`);
}

/** The generation of its last event, or the first one. */
function generationOf(body: Uint8Array | undefined): unknown {
  if (body === undefined) return 1;
  return (decodeBody(body).data as { readonly generation?: unknown }).generation;
}
