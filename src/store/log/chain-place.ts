/** Where the verification of the log goes on. */
import { FIRST_LINK } from "./event-encoding.ts";

/** How far a walk along the log is: plain data, so that another slice or another thread can go on from it. */
export interface ChainPlace {
  /** Everything up to this position was looked at. */
  readonly position: number;
  /** The position that the next event must have. */
  readonly expected: number;
  /** The last link. */
  readonly link: Uint8Array;
  /** The hashes of the events after that link, one after another. */
  readonly hashes: Uint8Array;
  readonly events: number;
  readonly links: number;
  /** The place in the table `erasures`, which follows on the log; `null`: the log has not ended. */
  readonly erasures: ErasurePlace | null;
}

export interface ErasurePlace {
  /** The last user whose row was verified; `null`: none was. */
  readonly after: string | null;
}

/** Before the first event. */
export const CHAIN_START: ChainPlace = {
  position: 0,
  expected: 1,
  link: FIRST_LINK,
  hashes: new Uint8Array(),
  events: 0,
  links: 0,
  erasures: null,
};
