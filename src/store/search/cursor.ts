/** Cursors: the place of an event in the order of all events, as it leaves the service. */
import { EVENT_LOG } from "../log/event-encoding.ts";
import type { TokenSeal } from "./token-seal.ts";

/** Seals cursors apart from page tokens. */
export const CURSOR_PURPOSE = "cursor";

const LOG_BYTES = 4;
const POSITION_BYTES = 8;

/**
 * The payload is a list of (u32 log, u64 position), big-endian, one for each log; there is one log today. Cursors of
 * one log are in the order of their events when compared as bytes, across generations too.
 */
export function toCursor(seal: TokenSeal, position: number): string {
  const payload = Buffer.alloc(LOG_BYTES + POSITION_BYTES);
  payload.writeUInt32BE(EVENT_LOG);
  payload.writeBigUInt64BE(BigInt(position), LOG_BYTES);
  return seal.seal(CURSOR_PURPOSE, payload);
}
