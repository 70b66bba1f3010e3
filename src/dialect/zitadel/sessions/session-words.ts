/** The words of ZITADEL's sessions that ours do not have: kept as attributes, in a namespace of their own. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Attributes } from "../../../domain/user.ts";
import { toAttributes } from "../../../service/native/message/user-message.ts";
import { wordsIn } from "../users/person-words.ts";

const NAMESPACE = "zitadel";

export type Metadata = Readonly<Record<string, Uint8Array>>;

/** What is kept of a session beside its own fields. */
export interface SessionWords {
  readonly metadata: Metadata;
  readonly fingerprintId?: string;
  readonly header: Readonly<Record<string, readonly string[]>>;
  /** When the user was checked once more, in milliseconds since the epoch. Absent: only when the session was opened. */
  readonly userCheckTime?: number;
}

/** The attributes of a session. The namespace is there even without a word, to take the place of what was. */
export function sessionAttributes({ metadata, fingerprintId, header, userCheckTime }: SessionWords): Attributes {
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

/** The words of a session, as far as they can be read: others may have written there too. */
export function sessionWordsOf(attributes: Attributes): SessionWords {
  const { metadata, header, fingerprintId, userCheckTime } = wordsIn(attributes, NAMESPACE);
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

/** The metadata after a change: what the change does not name stays, what it names without a value goes. */
export function changeMetadata(before: Metadata, change: Metadata): Metadata {
  return Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value.length > 0));
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
