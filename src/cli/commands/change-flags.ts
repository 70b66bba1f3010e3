/** The flags that all changes share, and the fields of a request that they set. */
import { usageFailure } from "../frame/failure.ts";
import { type FlagTable, type FlagValues, short, text, toggle, value } from "../frame/flag.ts";
import { parseDuration, parseInstant, parseSequence } from "../frame/flag-values.ts";

/** The flags of every change. */
export const REPEAT_FLAGS = {
  "request-id": text("ID", "an id for safe retries: repeating the request within 24 hours returns the first success"),
  "validate-only": toggle("check everything and show the result, but change nothing"),
} satisfies FlagTable;

/** Returns the verb of a result: `would be` for a change that was only checked. */
export function be({ "validate-only": isCheck }: { readonly "validate-only": boolean }): string {
  return isCheck ? "would be" : "is";
}

/** Returns the line above the result of a change that was only checked; empty for a real change. */
export function head(given: { readonly "validate-only": boolean }, done: string): string {
  return given["validate-only"] ? `would be ${done}:\n` : "";
}

export function repeatFields(given: FlagValues<typeof REPEAT_FLAGS>) {
  return { requestId: given["request-id"] ?? "", validateOnly: given["validate-only"] };
}

/** Flags for the reason in the history. */
export const REASON_FLAGS = {
  "reason-code": short("r", text("CODE", "the reason, as a code of your own systems, such as SPAM")),
  note: short("m", text("TEXT", "a note for the history")),
} satisfies FlagTable;

export function reasonFields(given: FlagValues<typeof REASON_FLAGS>) {
  return { reasonCode: given["reason-code"] ?? "", note: given.note ?? "" };
}

/** Flags that protect against concurrent changes. */
export const SEQUENCE_FLAGS = {
  "expected-sequence": value(
    "NUMBER",
    "refuse the change unless the sequence, as `show` prints it, is this one",
    parseSequence,
  ),
} satisfies FlagTable;

export function sequenceFields({ "expected-sequence": expected }: FlagValues<typeof SEQUENCE_FLAGS>) {
  return expected === undefined ? {} : { expectedSequence: expected };
}

/** Flags for the start and the end of a restriction. */
export const EXPIRY_FLAGS = {
  duration: short("d", value("TIME", "how long, such as 30m, 1h or 7d", parseDuration)),
  until: short(
    "u",
    value("INSTANT", "the end, such as 2030-01-31T18:00:00Z; a date alone means its first moment in UTC", parseInstant),
  ),
  never: toggle("no end"),
  start: value("INSTANT", "the start, in the future (default: now)", parseInstant),
} satisfies FlagTable;

/** Returns start and end. Throws a usage Failure for more than one end. */
export function expiryFields({ duration, until, never, start }: FlagValues<typeof EXPIRY_FLAGS>) {
  refuseTogether({ "--duration": duration, "--until": until, "--never": never || undefined });
  return {
    ...(start === undefined ? {} : { startTime: start }),
    ...(duration === undefined ? {} : { expiry: { case: "duration" as const, value: duration } }),
    ...(until === undefined ? {} : { expiry: { case: "expireTime" as const, value: until } }),
    ...(never ? { expiry: { case: "never" as const, value: true } } : {}),
  };
}

/** Throws a usage Failure if more than one of some flags is given. */
export function refuseTogether(flags: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(flags).filter((name) => flags[name] !== undefined);
  if (given.length > 1) throw usageFailure(`${given.join(" and ")} cannot be used together; give one of them`);
}
