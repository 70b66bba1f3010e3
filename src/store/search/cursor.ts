/** Cursors: the place of an event in the order of all events, in the form that callers see. */
import { CursorError, HistoryChangedError } from "../errors.ts";
import { EVENT_LOG } from "../log/event-encoding.ts";
import type { TokenSeal } from "./token-seal.ts";

/** Keeps the seals of cursors apart from those of page tokens. */
export const CURSOR_PURPOSE = "cursor";

const LOG_BYTES = 4;
const MARK_AT = LOG_BYTES + 8;
/** Another history has the same mark at a place once in four billion times. */
const MARK_BYTES = 4;

/** Stands for the hash of the event that is not there. */
const NO_EVENT = new Uint8Array(MARK_BYTES);

/** An event by which the history up to it is recognised: its hash has the time and place of a commit. */
export interface EventMark {
  /** 0: before the first event. */
  readonly position: number;
  /** Absent: there is no event at the position. */
  readonly hash: Uint8Array | undefined;
}

/** A place that a caller gave. */
export interface GivenPlace {
  readonly position: number;
  /** The first bytes of the hash of its event; absent in cursors of version 0.2.0. */
  readonly mark: Buffer | undefined;
}

/**
 * Returns the sealed cursor. The payload is a list of (u32 log, u64 position, the first 4 bytes of the event's hash),
 * big-endian, one for each log; there is one log today. Cursors of one log, compared as bytes, are in the order of their
 * events, also across generations.
 */
export function toCursor(seal: TokenSeal, { position, hash }: EventMark): string {
  const payload = Buffer.alloc(MARK_AT + MARK_BYTES);
  payload.writeUInt32BE(EVENT_LOG);
  payload.writeBigUInt64BE(BigInt(position), LOG_BYTES);
  if (hash !== undefined) payload.set(hash.subarray(0, MARK_BYTES), MARK_AT);
  return seal.seal(CURSOR_PURPOSE, payload);
}

/**
 * Returns the place of a cursor. Throws CursorError if it was not made here, and HistoryChangedError if it is of
 * another generation.
 */
export function parseCursor(seal: TokenSeal, cursor: string): GivenPlace {
  const opened = seal.open(CURSOR_PURPOSE, cursor);
  const length = opened?.payload.length ?? 0;
  if (
    opened === undefined ||
    (length !== MARK_AT && length !== MARK_AT + MARK_BYTES) ||
    opened.payload.readUInt32BE(0) !== EVENT_LOG
  ) {
    throw new CursorError("the cursor was not made here");
  }
  if (opened.generation !== seal.generation) {
    throw new HistoryChangedError(
      `the cursor was made under generation ${opened.generation}, this is ${seal.generation}: a backup was restored in between, which rewound the history; read it again from the cursor 0`,
    );
  }
  const position = Number(opened.payload.readBigUInt64BE(LOG_BYTES));
  return { position, mark: length === MARK_AT ? undefined : opened.payload.subarray(MARK_AT) };
}

/** Returns the mark of an event as a text, for page tokens. */
export function markTextOf({ hash = NO_EVENT }: EventMark): string {
  return Buffer.from(hash.subarray(0, MARK_BYTES)).toString("hex");
}

const REWOUND =
  "the history was rewound without a restore, by a copy of the database or a standby that lacked events; read it again from the cursor 0";

/**
 * Throws HistoryChangedError if a place in the log is beyond its newest event, `head`, which must have been read after
 * the place was received: the database is a copy of before, or a standby that had not got everything.
 */
export function assertInLog(position: number, head: number): void {
  if (position <= head) return;
  throw new HistoryChangedError(`the place is beyond the newest event: ${REWOUND}`);
}

/** Throws HistoryChangedError if a place that is in the log was given when another event stood there. */
export function assertSameHistory({ position, mark }: GivenPlace, hash: Uint8Array | undefined): void {
  if (position === 0 || mark === undefined || (hash !== undefined && mark.equals(hash.subarray(0, MARK_BYTES)))) return;
  throw new HistoryChangedError(`another event stood at the place: ${REWOUND}`);
}
