/** The properties that only ZITADEL's sessions have: stored as attributes, in a namespace of their own. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Attributes } from "../../../domain/user.ts";
import { toAttributes } from "../../../service/native/message/user-message.ts";
import { extrasIn } from "../users/person-attributes.ts";

const NAMESPACE = "zitadel";

export type Metadata = Readonly<Record<string, Uint8Array>>;

/** What is stored of a session in addition to its own fields. */
export interface SessionExtras {
  readonly metadata: Metadata;
  readonly fingerprintId?: string;
  readonly header: Readonly<Record<string, readonly string[]>>;
  /**
   * When the user was last checked again, in milliseconds since the epoch. Absent: only when the session was opened.
   */
  readonly userCheckTime?: number;
}

/** Returns the attributes of a session. The namespace is there even if empty, to replace what was there. */
export function sessionAttributes({ metadata, fingerprintId, header, userCheckTime }: SessionExtras): Attributes {
  const encoded = Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value).toString("base64")] as const);
  const headers = Object.entries(header).map(([name, values]): [string, string[]] => [name, [...values]]);
  const kept: JsonObject = {
    ...(encoded.length === 0 ? {} : { metadata: Object.fromEntries(encoded) }),
    ...(headers.length === 0 ? {} : { header: Object.fromEntries(headers) }),
    ...(fingerprintId === undefined ? {} : { fingerprintId }),
    ...(userCheckTime === undefined ? {} : { userCheckTime }),
  };
  return toAttributes({ [NAMESPACE]: kept });
}

/** Returns the properties of a session as far as they are readable: others may have written there too. */
export function sessionExtrasOf(attributes: Attributes): SessionExtras {
  const { metadata, header, fingerprintId, userCheckTime } = extrasIn(attributes, NAMESPACE);
  return {
    metadata: Object.fromEntries(
      entriesOf(metadata).flatMap(([key, value]) =>
        typeof value === "string" ? [[key, Buffer.from(value, "base64")]] : [],
      ),
    ),
    header: Object.fromEntries(
      entriesOf(header).flatMap(([name, values]) =>
        Array.isArray(values) ? [[name, values.filter((value) => typeof value === "string")]] : [],
      ),
    ),
    ...(typeof fingerprintId === "string" ? { fingerprintId } : {}),
    ...(typeof userCheckTime === "number" ? { userCheckTime } : {}),
  };
}

/** Returns the metadata after a change: keys not named stay, keys named without a value are removed. */
export function changeMetadata(before: Metadata, change: Metadata): Metadata {
  return Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value.length > 0));
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
