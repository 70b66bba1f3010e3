/** The history as the store gives it to those who prove it: as it is stored, verified slice by slice, and its checkpoints. */
import type { ChainPlace } from "./log/chain-place.ts";
import type { ChainEvent, ChainFault, ChainLink } from "./log/verify-chain.ts";
import type { Page, ReadOptions } from "./queries.ts";

export { CHAIN_START } from "./log/chain-place.ts";
export type { ChainEvent, ChainFault, ChainLink, ChainPlace };

/** The end of the history at one moment. */
export interface HistoryHead extends ChainLink {
  /** When the newest change was recorded, in milliseconds since the epoch. */
  readonly recordTime: number;
}

/** A part of the history, as it is stored. */
export interface HistorySlice {
  readonly events: readonly ChainEvent[];
  readonly links: readonly ChainLink[];
  /** All events and links up to this position are in the slice, or in one before it. */
  readonly position: number;
}

/** What a verification goes on with. */
export interface VerifyQuery {
  /** Up to here. */
  readonly head: ChainLink;
  readonly place: ChainPlace;
  /** Signed notes that the history is compared with, next to those that the database has. */
  readonly held: readonly string[];
}

/** A checkpoint whose link is that of the history, signed by a key that is not known. */
export interface UnknownSigner {
  readonly position: number;
  /** As the note names them, in hex; they prove nothing. */
  readonly keyIds: readonly string[];
}

export interface VerifyStep {
  readonly place: ChainPlace;
  readonly faults: readonly ChainFault[];
  readonly unknownSigners: readonly UnknownSigner[];
  /** Checkpoints that this step compared with their links. */
  readonly checkpoints: number;
  readonly isDone: boolean;
}

/** A signed note of C2SP: what the chain's link was at a position. */
export interface Checkpoint {
  readonly position: number;
  /** When it was written, in milliseconds since the epoch. */
  readonly time: number;
  readonly note: string;
}

export interface CheckpointQuery {
  readonly pageSize: number;
  readonly after?: string;
}

/** Signs checkpoints, and judges them. */
export interface CheckpointSigner {
  /** The name of the instance, the first line of each checkpoint. */
  readonly origin: string;
  /** Verifier keys as C2SP writes them: the one that signs first, then those that signed before. */
  readonly verifierKeys: readonly string[];
  /** Returns the signed note. */
  sign(at: ChainLink): string;
}

/** Reads of the history that anybody can verify. Every method rejects with StoreUnavailableError. */
export interface History {
  head(): Promise<HistoryHead>;
  /** Returns the signed note of a head; `undefined`: there is no key. */
  sign(head: ChainLink): Promise<string | undefined>;
  /** Reads the next events and links after a position, up to a head: half a MiB, or one event. */
  slice(after: number, head: ChainLink): Promise<HistorySlice>;
  /** Verifies a slice off the writer's thread; begin at CHAIN_START, and go on until it is done. */
  verify(query: VerifyQuery): Promise<VerifyStep>;
  /** Lists checkpoints, newest first. Rejects with PageTokenError and HistoryChangedError. */
  checkpoints(query: CheckpointQuery, options?: ReadOptions): Promise<Page<Checkpoint>>;
  /** Returns the verifier keys of the instance; empty: there is no key. */
  verifierKeys(): Promise<readonly string[]>;
}
