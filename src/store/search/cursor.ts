/** Cursors: the place of an event in the order of all events, in the form that callers see. */
import { CursorError, HistoryChangedError } from "../errors.ts";
import { EVENT_LOG } from "../log/event-encoding.ts";
import type { TokenSeal } from "./token-seal.ts";

/** Keeps the seals of cursors apart from those of page tokens. */
export const CURSOR_PURPOSE = "cursor";

const LOG_BYTES = 4;
const POSITION_BYTES = 8;

/**
 * Returns the sealed cursor. The payload is a list of (u32 log, u64 position), big-endian, one for each log; there is
 * one log today. Cursors of one log, compared as bytes, are in the order of their events, also across generations.
 */
export function toCursor(seal: TokenSeal, position: number): string {
  const payload = Buffer.alloc(LOG_BYTES + POSITION_BYTES);
  payload.writeUInt32BE(EVENT_LOG);
  payload.writeBigUInt64BE(BigInt(position), LOG_BYTES);
  return seal.seal(CURSOR_PURPOSE, payload);
}

/**
 * Returns the position of a cursor. Throws CursorError if it was not made here, and HistoryChangedError if it is of
 * another generation.
 */
export function parseCursor(seal: TokenSeal, cursor: string): number {
  const opened = seal.open(CURSOR_PURPOSE, cursor);
  if (opened?.payload.length !== LOG_BYTES + POSITION_BYTES || opened.payload.readUInt32BE(0) !== EVENT_LOG) {
    throw new CursorError("the cursor was not made here");
  }
  if (opened.generation !== seal.generation) {
    throw new HistoryChangedError(
      `the cursor was made under generation ${opened.generation}, this is ${seal.generation}: a backup was restored in between, which rewound the history; read it again from the cursor 0`,
    );
  }
  return Number(opened.payload.readBigUInt64BE(LOG_BYTES));
}

/**
 * Throws HistoryChangedError if a place in the log is beyond its newest event, `head`, which must have been read after
 * the place was received: the database is a copy of before, or a standby that had not got everything.
 */
export function assertInLog(position: number, head: number): void {
  if (position <= head) return;
  throw new HistoryChangedError(
    "the place is beyond the newest event: the history was rewound without a restore, by a copy of the database or a standby that lacked events; read it again from the cursor 0",
  );
}
