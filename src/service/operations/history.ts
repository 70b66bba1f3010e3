/** Operations on the history as proof: its verification, its export and its checkpoints. They are of the whole instance. */
import { invalidField } from "../../domain/refusal.ts";
import { parseCheckpoint, textOf } from "../../domain/signed-note.ts";
import {
  CHAIN_START,
  type ChainFault,
  type ChainLink,
  type Checkpoint,
  type CheckpointQuery,
  type HistoryHead,
  type HistorySlice,
  type UnknownSigner,
} from "../../store/history.ts";
import type { Page } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import type { Lister, ListPlaces } from "../list-lanes.ts";
import { enter, type StreamPlacesByKind } from "../stream-places.ts";
import { assertInstance, type WaitingCaller } from "./caller.ts";

/** A verification ends after this number of faults, and names no more signers that are not known. */
const FAULTS_MAX = 100;

/** How far a verification is, or what came of it. */
export interface Verification {
  readonly head: ChainLink;
  readonly position: number;
  readonly events: number;
  readonly links: number;
  readonly checkpoints: number;
  readonly faults: readonly ChainFault[];
  readonly unknownSigners: readonly UnknownSigner[];
  readonly isDone: boolean;
}

/** An export that has its place. */
export interface BegunExport {
  readonly head: HistoryHead;
  /** Gives the place back; call it when the stream ends. */
  readonly leave: () => void;
}

/** Every stream rejects with CREDENTIAL_INVALID when the caller's credential ends, and stops when nobody waits for it. */
export interface HistoryOperations {
  /** Verifies the history; the last value is done. `checkpoint`: a signed note to compare with; empty: none. Rejects with HISTORY_TOO_MANY. */
  verify(checkpoint: string, caller: WaitingCaller): AsyncGenerator<Verification>;
  /** Begins an export of the history up to its end now. Rejects with HISTORY_TOO_MANY. */
  beginExport(caller: WaitingCaller): Promise<BegunExport>;
  /** Yields all events and links up to a head, in order. */
  slices(head: HistoryHead, caller: WaitingCaller): AsyncGenerator<HistorySlice>;
  /** Returns the signed note of a head; `undefined`: there is no key. */
  sign(head: HistoryHead): Promise<string | undefined>;
  checkpoints(query: CheckpointQuery, caller: WaitingCaller): Promise<Page<Checkpoint>>;
  verifierKeys(): Promise<readonly string[]>;
}

interface Parts {
  readonly store: Pick<Store, "history">;
  /** A slice takes a place as a list does, so that other callers have their turn. */
  readonly lists: ListPlaces;
  readonly streams: StreamPlacesByKind;
  readonly recheck: (admission: WaitingCaller["admission"]) => void;
}

const WHAT = "the history is of the whole instance";

export function historyOperations({ store: { history }, lists, streams, recheck }: Parts): HistoryOperations {
  const inTurn = async <T>(caller: WaitingCaller, read: () => Promise<T>): Promise<T> => {
    const found = await lists.run(listerOf(caller), read);
    caller.signal.throwIfAborted();
    recheck(caller.admission);
    return found;
  };
  const verifyInSteps = async function* (checkpoint: string, caller: WaitingCaller): AsyncGenerator<Verification> {
    const held = checkpoint === "" ? [] : [checkpoint];
    const head = await history.head();
    const faults: ChainFault[] = [];
    const unknownSigners: UnknownSigner[] = [];
    let checkpoints = 0;
    let isDone = false;
    for (let place = CHAIN_START; !isDone; ) {
      const from = place;
      const step = await inTurn(caller, () => history.verify({ head, place: from, held }));
      place = step.place;
      faults.push(...step.faults);
      unknownSigners.push(...step.unknownSigners.slice(0, FAULTS_MAX - unknownSigners.length));
      checkpoints += step.checkpoints;
      isDone = step.isDone || faults.length >= FAULTS_MAX;
      const { position, events, links } = place;
      const first = faults.slice(0, FAULTS_MAX).sort((a, b) => a.position - b.position);
      const found = { faults: first, unknownSigners };
      yield { head, position, events, links, checkpoints, ...found, isDone };
    }
  };
  return {
    async *verify(checkpoint, caller) {
      assertInstance(caller.admission.actor, WHAT);
      assertCheckpoint(checkpoint);
      const leave = await enter(streams.verify, listerOf(caller));
      try {
        yield* verifyInSteps(checkpoint, caller);
      } finally {
        leave();
      }
    },
    async beginExport(caller) {
      assertInstance(caller.admission.actor, WHAT);
      const leave = await enter(streams.export, listerOf(caller));
      try {
        return { head: await history.head(), leave };
      } catch (error) {
        leave();
        throw error;
      }
    },
    async *slices(head, caller) {
      for (let after = 0; after < head.position; ) {
        const from = after;
        const slice = await inTurn(caller, () => history.slice(from, head));
        after = slice.position;
        yield slice;
      }
    },
    sign: (head) => history.sign(head),
    async checkpoints(query, { admission, signal }) {
      assertInstance(admission.actor, WHAT);
      return await history.checkpoints(query, { signal });
    },
    verifierKeys: () => history.verifierKeys(),
  };
}

function listerOf({ admission: { actor }, signal }: WaitingCaller): Lister {
  return { actor, signal };
}

/** Throws FIELD_INVALID for a text that is not a checkpoint. */
function assertCheckpoint(note: string): void {
  if (note === "") return;
  const text = textOf(note);
  if (text !== undefined && parseCheckpoint(text) !== undefined) return;
  throw invalidField(
    "checkpoint",
    "the text is not a checkpoint; it must be a signed note of C2SP: origin, position, link, an empty line and a signature",
  );
}
