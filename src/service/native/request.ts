/** Converts the common parts of native requests. */
import { hash } from "node:crypto";
import { type DescMethod, type JsonValue, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { canonicalJson } from "../../domain/canonical-json.ts";
import type { Expiry } from "../../domain/command.ts";
import { invalidField } from "../../domain/refusal.ts";
import type { ServiceCall } from "../call.ts";
import { type ChangeTerms, readScope } from "../operations/caller.ts";
import type { Period } from "../operations/period.ts";
import { rpcNameOf } from "../rpc-name.ts";
import { toDurationMs, toTime } from "../times.ts";

/** A request that may be repeated and validated only. */
type ChangeRequest = Message & {
  readonly requestId?: string;
  readonly validateOnly: boolean;
  readonly organizationId?: string;
};

/** Returns the terms of a change. `contentOf` is called only if there is a request id. */
export function termsOf(call: ServiceCall, request: ChangeRequest, contentOf = requestContent): ChangeTerms {
  const { requestId: id, validateOnly, organizationId = "" } = request;
  const scope = readScope(call.admission.actor, organizationId);
  if (!id) return { scope, validateOnly };
  return {
    scope,
    validateOnly,
    request: { rpc: rpcNameOf(call.method), id, content: contentOf(call.method, request) },
  };
}

/** Returns the SHA-256 of the canonical JSON of a request without its request id. */
export function requestContent({ input }: DescMethod, request: ChangeRequest): Uint8Array {
  const rest = { ...request, requestId: "" } as Message;
  let content: string | Uint8Array;
  try {
    content = canonicalJson(toJson(input, rest) as { readonly [key: string]: JsonValue });
  } catch {
    // A time after year 9999 or an invalid number has no JSON form. The reader of the field refuses it by name; in an
    // import that concerns one item, and the other items are remembered by their bytes.
    content = toBinary(input, rest);
  }
  return hash("sha256", content, "buffer");
}

type ExpiryInput =
  | { readonly case: "expireTime"; readonly value: Timestamp }
  | { readonly case: "duration"; readonly value: Duration }
  | { readonly case: "never"; readonly value: boolean }
  | { readonly case: undefined; readonly value?: undefined };

/** Returns the expiry. An instant finer than a millisecond rounds up, so that no restriction ends early. */
export function toExpiry(input: ExpiryInput, fieldPrefix = ""): Expiry {
  switch (input.case) {
    case "expireTime":
      return { kind: "at", time: toTime(input.value, `${fieldPrefix}expire_time`, "up") };
    case "duration":
      return { kind: "for", durationMs: toDurationMs(input.value, `${fieldPrefix}duration`) };
    case "never":
      return { kind: "never" };
    case undefined:
      return { kind: "default" };
    default:
      return input satisfies never;
  }
}

/** Returns the ends of a period, rounded up to milliseconds. Throws FIELD_INVALID. */
export function toPeriod({
  startTime,
  endTime,
}: {
  readonly startTime?: Timestamp | undefined;
  readonly endTime?: Timestamp | undefined;
}): Partial<Period> {
  return {
    ...(endTime === undefined ? {} : { endTime: toTime(endTime, "end_time", "up") }),
    ...(startTime === undefined ? {} : { startTime: toTime(startTime, "start_time", "up") }),
  };
}

/** Returns the sequence that the caller expects. Throws FIELD_INVALID. */
export function toSequence(sequence: bigint | undefined): number | undefined {
  return sequence === undefined ? undefined : toEventSequence(sequence, "expected_sequence", "a resource");
}

/** Returns a sequence. Throws FIELD_INVALID for one that nothing can have: as a number it would lose digits. */
export function toEventSequence(sequence: bigint, field: string = "sequence", of: string = "an event"): number {
  if (sequence <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(sequence);
  throw invalidField(
    field,
    `${sequence} is not allowed; it must be the sequence of ${of}, at most ${Number.MAX_SAFE_INTEGER}`,
  );
}
