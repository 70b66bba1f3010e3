/** A load of changes, and the answers that its callers got: the log must agree with them. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import type { Random } from "./random.ts";
import type { clientsOf } from "./service.ts";
import { type PauseWatch, startPauseWatch } from "./stopwatch.ts";

const USERS = 40;

/** What is known of each request, by its id. */
export interface Ledger {
  readonly acknowledged: Map<string, { readonly userId: string; readonly sequence: number }>;
  readonly refused: Set<string>;
  /** Cut off: it may have happened or not. */
  readonly unknown: Set<string>;
  /** Between two acknowledged changes. */
  readonly pauses: PauseWatch;
}

export interface LoadOptions {
  readonly random: Random;
  /** Whether a request of unknown fate is sent again under its id, until its fate is known or the load ends. */
  readonly repeats?: boolean;
}

/** An event of a user. */
export interface LoggedRequest {
  readonly user_id: string;
  readonly sequence: number;
  readonly request_id: string;
}

export function newLedger(): Ledger {
  return {
    acknowledged: new Map(),
    refused: new Set(),
    unknown: new Set(),
    pauses: startPauseWatch(),
  };
}

export function answersOf({ acknowledged, refused }: Ledger): number {
  return acknowledged.size + refused.size;
}

/** Changes users, one change after the other, until `signal`. */
export async function changeUsers(
  { users }: Pick<ReturnType<typeof clientsOf>, "users">,
  ledger: Ledger,
  signal: AbortSignal,
  { random, repeats = false }: LoadOptions,
): Promise<void> {
  const { refused, unknown } = ledger;
  while (!signal.aborted) {
    const userId = `user-${random.below(USERS)}`;
    const requestId = randomUUID();
    const act = random.pick([users.createUser, users.lockUser, users.unlockUser, users.banUser, users.unbanUser]);
    do {
      try {
        const { details } = await act({ userId, requestId });
        acknowledge(ledger, requestId, { userId, sequence: Number(details?.sequence) });
        unknown.delete(requestId);
      } catch (error) {
        if (isRefusal(error)) {
          refused.add(requestId);
          unknown.delete(requestId);
        } else {
          unknown.add(requestId);
          // As a client does that has lost its connection.
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    } while (repeats && unknown.has(requestId) && !signal.aborted);
  }
}

function acknowledge(ledger: Ledger, requestId: string, change: { userId: string; sequence: number }): void {
  ledger.acknowledged.set(requestId, change);
  ledger.pauses.note();
}

/** Whether an answer says that the change was not made. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  const [info] = error.findDetails(ErrorInfoSchema);
  return info !== undefined && info.metadata.outcome !== "UNKNOWN" && info.reason !== "CALL_TIMED_OUT";
}

/** Asserts that the log has each acknowledged change once, no refused one, and none that nobody asked for. */
export function assertLogged(rows: readonly LoggedRequest[], { acknowledged, refused, unknown }: Ledger): void {
  const events = new Map(rows.map((row) => [row.request_id, row]));
  assert.equal(events.size, rows.length, "a request made two events");
  for (const [requestId, { userId, sequence }] of acknowledged) {
    const event = events.get(requestId);
    assert.deepEqual([event?.user_id, event?.sequence], [userId, sequence], `acknowledged ${requestId} is lost`);
  }
  for (const requestId of events.keys()) {
    assert.ok(!refused.has(requestId), `refused ${requestId} was written`);
    assert.ok(acknowledged.has(requestId) || unknown.has(requestId), `nobody asked for ${requestId}`);
  }
}
