/** Rows in lockkeeper's own form: CSV with a column for each field, or the proto3 JSON of ImportUser. */
import { createRegistry, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RestrictionKind } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { ImportUserSchema } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { suggest } from "../../transcoding/closest-name.ts";
import {
  type Cells,
  Draft,
  isObject,
  type Mapped,
  type ProfileText,
  RowFault,
  readBoolean,
  readObject,
  readTime,
  type Source,
  shown,
  withheld,
} from "./row.ts";

const PROFILE_COLUMNS: Readonly<Record<string, ProfileText>> = {
  username: "username",
  email: "email",
  given_name: "givenName",
  family_name: "familyName",
  display_name: "displayName",
  phone: "phone",
  locale: "locale",
  external_id: "externalId",
};

interface Flag {
  readonly column: string;
  /** The prefix of the columns with its details. */
  readonly prefix: string;
  readonly kind: RestrictionKind;
}

const FLAGS: readonly Flag[] = [
  { column: "banned", prefix: "ban", kind: RestrictionKind.BAN },
  { column: "locked", prefix: "lock", kind: RestrictionKind.LOCK },
  { column: "deactivated", prefix: "deactivation", kind: RestrictionKind.DEACTIVATION },
];
const DETAILS = ["reason_code", "note", "actor", "start", "expires"] as const;

const ATTRIBUTES = "attributes";
const ATTRIBUTES_PREFIX = "attributes.";

export const ownRows: Source = {
  formats: ["csv", "ndjson", "json"],
  columns: [
    "user_id",
    ...Object.keys(PROFILE_COLUMNS),
    "email_verified",
    "creation_date",
    ATTRIBUTES,
    ATTRIBUTES_PREFIX,
    ...FLAGS.flatMap(({ column, prefix }) => [column, ...DETAILS.map((name) => `${prefix}_${name}`)]),
  ],
  lists: ["users"],
  fromCells,
  fromObject,
};

function fromCells(cells: Cells): Mapped {
  const draft = new Draft();
  draft.userId = cells.get("user_id") ?? "";
  for (const [name, text] of cells) {
    const field = Object.hasOwn(PROFILE_COLUMNS, name) ? PROFILE_COLUMNS[name] : undefined;
    if (field !== undefined) draft.set(field, text);
    else if (name === "email_verified") draft.profile.emailVerified = readBoolean(name, text);
    else if (name === "creation_date") draft.creationTime = readTime(name, text);
    else if (name === ATTRIBUTES) readNamespaces(draft, text);
    else if (name.startsWith(ATTRIBUTES_PREFIX)) {
      draft.attributes.set(name.slice(ATTRIBUTES_PREFIX.length), readObject(name, text));
    }
  }
  for (const flag of FLAGS) readFlag(draft, cells, flag);
  return draft.finish();
}

function readNamespaces(draft: Draft, text: string): void {
  for (const [namespace, words] of Object.entries(readObject(ATTRIBUTES, text))) {
    if (!isObject(words)) throw new RowFault(`${ATTRIBUTES}.${namespace} is not a JSON object`);
    if (!draft.attributes.has(namespace)) draft.attributes.set(namespace, words);
  }
}

/** Reads a flag with its details. A lock without an end lasts for the organization's lock duration. */
function readFlag(draft: Draft, cells: Cells, { column, prefix, kind }: Flag): void {
  const detailOf = (name: (typeof DETAILS)[number]): string => cells.get(`${prefix}_${name}`) ?? "";
  if (!readBoolean(column, cells.get(column) ?? "")) {
    const detail = DETAILS.find((name) => detailOf(name) !== "");
    if (detail !== undefined) throw new RowFault(`${prefix}_${detail} is set, but ${column} is not true`);
    return;
  }
  const start = detailOf("start");
  const expires = detailOf("expires");
  draft.restrictions.push({
    kind,
    reasonCode: detailOf("reason_code"),
    note: detailOf("note"),
    actor: detailOf("actor"),
    ...(start === "" ? {} : { startTime: timestampFromMs(readTime(`${prefix}_start`, start)) }),
    ...(expires === "" ? {} : { expiry: readExpiry(`${prefix}_expires`, expires) }),
  });
}

function readExpiry(name: string, text: string) {
  if (text.trim().toLowerCase() === "never") return { case: "never", value: true } as const;
  return { case: "expireTime", value: timestampFromMs(readTime(name, text, Math.ceil)) } as const;
}

function fromObject(object: JsonObject): Mapped {
  try {
    const user = fromJson(ImportUserSchema, object);
    if (user.userId === "") throw new RowFault("has no user id");
    return { user, hasSecrets: false, organization: "" };
  } catch (error) {
    if (error instanceof RowFault) throw error;
    throw unknownMember(error) ?? new RowFault(`is not an ImportUser: ${protobufFault(error)}`);
  }
}

const CONTRACT = createRegistry(ImportUserSchema.file, ...ImportUserSchema.file.dependencies);
const UNKNOWN_MEMBER = /^cannot decode message (\S+) from JSON: key "([\w.-]{1,60})" is unknown$/;

/** Returns the fault for an unknown member, with the one that was probably meant; `undefined` for another error. */
function unknownMember(error: unknown): RowFault | undefined {
  const [, type, name = ""] = UNKNOWN_MEMBER.exec(error instanceof Error ? error.message : "") ?? [];
  if (type === undefined) return undefined;
  const known = CONTRACT.getMessage(type)?.fields.map(({ jsonName }) => jsonName) ?? [];
  const within = type === ImportUserSchema.typeName ? "" : ` in ${type.split(".").at(-1)}`;
  return new RowFault(`has the unknown member ${shown(name)}${within}${suggest(name, known)}`);
}

/** Returns the message of protobuf-es without its beginning and without the values that it quotes. */
function protobufFault(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const rest = text.replace(/^cannot decode message lockkeeper\.user\.v1\.ImportUser from JSON: /, "");
  return rest
    .replace(/"(.*)"/s, (_, quoted: string) => withheld(quoted))
    .replace(/(from JSON:|got) -?\d\S*/, "$1 a number");
}
