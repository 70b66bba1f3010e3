/** What requests have in common, as commands and queries want it. */
import { hash } from "node:crypto";
import { type DescMethod, type JsonValue, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { type Actor, credentialOf, scopeExceeded } from "../auth/actor.ts";
import { canonicalJson } from "../domain/canonical-json.ts";
import type { CommandContext, Expiry } from "../domain/command.ts";
import { DEFAULT_ORGANIZATION_ID } from "../domain/organization.ts";
import { RefusalError, refuseField, shown } from "../domain/refusal.ts";
import { LATEST_TIME } from "../domain/restriction.ts";
import type { Command, ExecuteOptions, Outcome } from "../store/commands.ts";
import type { ServiceCall } from "./call.ts";

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1000;
/** What google.protobuf.Duration may be at the most, about 10,000 years; longer ones have no JSON form. */
const DURATION_SECONDS_MAX = 315_576_000_000n;
/** 0001-01-01T00:00:00Z, the earliest google.protobuf.Timestamp. */
const EARLIEST_SECONDS = -62_135_596_800n;

/** The message of a request that may be repeated and tried out. */
type ChangeRequest = Message & { readonly requestId?: string; readonly validateOnly: boolean };

/** The context of a command that is neither tried out nor repeated by a request id. */
export function callContext(call: ServiceCall, organizationId: string): CommandContext {
  const { actor } = call.admission;
  return {
    actor: actor.id,
    ...credentialOf(actor),
    via: call.wire,
    scope: readScope(actor, organizationId),
    validateOnly: false,
  };
}

/** The context of a command. `organizationId`: where the request wants to look; empty: wherever the caller may. */
export function commandContext(call: ServiceCall, request: ChangeRequest, organizationId: string): CommandContext {
  return contextWith(call, request, organizationId, requestContent);
}

/** With the request id where there is one; `contentOf` is asked for the content then. */
export function contextWith(
  call: ServiceCall,
  request: ChangeRequest,
  organizationId: string,
  contentOf: (method: DescMethod, request: ChangeRequest) => Uint8Array,
): CommandContext {
  return {
    ...callContext(call, organizationId),
    validateOnly: request.validateOnly,
    ...(request.requestId
      ? {
          request: {
            rpc: rpcOf(call.method),
            id: request.requestId,
            scope: call.admission.actor.scope ?? "",
            content: withAdded(contentOf(call.method, request), call.admission.actor),
          },
        }
      : {}),
  };
}

/**
 * The content with the organization that authorization added to the request. That of an API key never changes, so for
 * keys nothing is added, and what was remembered before this rule still compares.
 */
function withAdded(content: Uint8Array, { keyId, scope }: Actor): Uint8Array {
  if (keyId !== undefined || scope === null) return content;
  return hash("sha256", Buffer.concat([content, Buffer.from(scope)]), "buffer");
}

/** `package.Service/Method`. */
function rpcOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** SHA-256 of the canonical JSON of a request without its request id. */
export function requestContent({ input }: DescMethod, request: ChangeRequest): Uint8Array {
  const rest = { ...request, requestId: "" } as Message;
  let content: string | Uint8Array;
  try {
    content = canonicalJson(toJson(input, rest) as { readonly [key: string]: JsonValue });
  } catch {
    // A time beyond year 9999 or a number that is none has no JSON form. Whoever reads the field refuses it by its
    // name; in an import that is one item's matter, and the others are remembered by the bytes.
    content = toBinary(input, rest);
  }
  return hash("sha256", content, "buffer");
}

/**
 * Where a caller's read or command on one thing looks. A caller of one organization who names another one finds
 * nothing there: the scope is then one that owns nothing.
 */
export function readScope(actor: Actor, organizationId: string): string | null {
  if (actor.scope === null) return organizationId === "" ? null : organizationId;
  return organizationId === "" || organizationId === actor.scope ? actor.scope : NOWHERE;
}

/** No organization has the empty id. */
const NOWHERE = "";

/** The organization that gets what is made: the caller's own, the one named, or `default`. Throws SCOPE_EXCEEDED. */
export function writeOrganization(actor: Actor, organizationId: string): string {
  assertWithinScope(actor, organizationId);
  return organizationId !== "" ? organizationId : (actor.scope ?? DEFAULT_ORGANIZATION_ID);
}

/** Throws SCOPE_EXCEEDED when a caller of one organization names another one. */
export function assertWithinScope(actor: Actor, organizationId: string): void {
  if (actor.scope === null || organizationId === "" || organizationId === actor.scope) return;
  throw new RefusalError(scopeExceeded(`organization_id is ${shown(organizationId)}`, actor.scope));
}

/** The page size to use: 0 is the default, more than the maximum is clamped. */
export function pageSizeOf(requested: number): number {
  return requested === 0 ? PAGE_SIZE_DEFAULT : Math.min(requested, PAGE_SIZE_MAX);
}

export function executeOptions(call: ServiceCall): ExecuteOptions {
  return { deadlineTime: call.deadlineTime };
}

/** The resource of an outcome that is not a refusal; a refusal is thrown. */
export function resourceOf<C extends Command>(outcome: Outcome<C>): Extract<Outcome<C>, { ok: true }>["resource"] {
  if (!outcome.ok) throw new RefusalError(outcome.refusal);
  return outcome.resource;
}

type ExpiryInput =
  | { readonly case: "expireTime"; readonly value: Timestamp }
  | { readonly case: "duration"; readonly value: Duration }
  | { readonly case: "never"; readonly value: boolean }
  | { readonly case: undefined; readonly value?: undefined };

/** The expiry oneof; a finer instant than a millisecond rounds up, so that no restriction ends early. */
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

/** Milliseconds since the epoch. Throws FIELD_INVALID for what is no instant or lies beyond year 9999. */
export function toTime(timestamp: Timestamp, field: string, round: "up" | "down"): number {
  const { seconds, nanos } = timestamp;
  if (nanos < 0 || nanos > 999_999_999) throw invalidField(field, `nanos are ${nanos}; 0 to 999999999 are allowed`);
  const latestSeconds = BigInt(Math.floor(LATEST_TIME / 1000));
  if (seconds > latestSeconds || seconds < EARLIEST_SECONDS) {
    throw invalidField(
      field,
      `${seconds} seconds since 1970 is not allowed; it must lie between 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z`,
    );
  }
  const ms = nanos / 1e6;
  // An instant past the last millisecond of year 9999 is that millisecond, not one of year 10000.
  return Math.min(Number(seconds) * 1000 + (round === "up" ? Math.ceil(ms) : Math.floor(ms)), LATEST_TIME);
}

interface Period {
  readonly startTime: number;
  readonly endTime: number;
}

/** `[startTime, endTime)`, each as the request names it or as `absent` says. Throws FIELD_INVALID for an empty one. */
export function toPeriod(
  request: { readonly startTime?: Timestamp | undefined; readonly endTime?: Timestamp | undefined },
  absent: Period,
): Period {
  const endTime = request.endTime === undefined ? absent.endTime : toTime(request.endTime, "end_time", "up");
  const startTime = request.startTime === undefined ? absent.startTime : toTime(request.startTime, "start_time", "up");
  if (startTime < endTime) return { startTime, endTime };
  const [start, end] = [startTime, endTime].map((time) => new Date(time).toISOString());
  throw invalidField("start_time", `${start} is not allowed; it must be earlier than end_time, ${end}`);
}

/** Milliseconds, rounded up. Throws FIELD_INVALID for what is no duration or longer than 10,000 years. */
export function toDurationMs({ seconds, nanos }: Duration, field: string): number {
  if (nanos < -999_999_999 || nanos > 999_999_999 || (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) {
    throw invalidField(
      field,
      `nanos are ${nanos} beside ${seconds} seconds; they need the same sign and less than a second`,
    );
  }
  if (seconds > DURATION_SECONDS_MAX || seconds < -DURATION_SECONDS_MAX) {
    throw invalidField(field, `${seconds}s is not allowed; it must not be longer than 10,000 years`);
  }
  return Number(seconds) * 1000 + Math.ceil(nanos / 1e6);
}

export function invalidField(field: string, description: string): RefusalError {
  return new RefusalError(refuseField(field, description));
}

/** A sequence the caller believes in. Throws FIELD_INVALID for one that no resource can have: a number would lose digits. */
export function toSequence(sequence: bigint | undefined): number | undefined {
  if (sequence === undefined) return undefined;
  if (sequence <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(sequence);
  throw invalidField(
    "expected_sequence",
    `${sequence} is not allowed; it must be the sequence of a resource, at most ${Number.MAX_SAFE_INTEGER}`,
  );
}
