/** Estimates the memory of a waiting command, for the limit of the queue. */
import type { Command } from "../commands.ts";

/** The objects, the promise and the short fields of every command. */
const BASE_BYTES = 512;
/** A restriction of an import without its texts. */
const RESTRICTION_BYTES = 256;

/** Returns an estimate in bytes, cheap enough to make for every command. */
export function commandBytes(command: Command): number {
  let bytes = BASE_BYTES;
  if ("userId" in command) bytes += 2 * command.userId.length;
  if ("note" in command) bytes += 2 * command.note.length;
  if ("reasonCode" in command) bytes += 2 * command.reasonCode.length;
  if ("profile" in command) bytes += textBytes(command.profile);
  if ("attributes" in command && command.attributes !== undefined) bytes += textBytes(command.attributes);
  if ("userAgent" in command) bytes += 2 * command.userAgent.length;
  if ("restrictions" in command) {
    for (const restriction of command.restrictions) {
      bytes += RESTRICTION_BYTES + 2 * (restriction.note.length + restriction.reasonCode.length);
    }
  }
  return bytes;
}

function textBytes(record: Readonly<Record<string, string | true | undefined>>): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(record)) {
    bytes += 2 * name.length + (typeof value === "string" ? 2 * value.length : 0);
  }
  return bytes;
}
