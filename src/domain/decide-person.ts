/** The rules for creating, importing and changing the person behind a user. */
import type { CreateUser, ImportUser, PersonInput, UpdateUser } from "./command.ts";
import { accept, type DecideContext, type Decision, noteOf, reject } from "./decision.ts";
import type { PersonChange, UserEvent, UserEventData } from "./event.ts";
import { evolve } from "./evolve.ts";
import { resolveInterval } from "./interval.ts";
import { type Refusal, refuse, refuseField, shown } from "./refusal.ts";
import {
  CAUSES_OF,
  type Cause,
  isApart,
  isPermanent,
  LATEST_TIME,
  neverWeaker,
  type Restriction,
} from "./restriction.ts";
import { SEARCH_KEY_BYTES_MAX, toSearchKey } from "./search-key.ts";
import { NAMESPACES_MAX, PERSON_CHARS_MAX, type Person, PROFILE_FIELDS, personChars, type User } from "./user.ts";

type Personal = Record<string, string>;

/** A taken id is refused without naming its owner; a tombstone of the same organization is used again. */
export function decideCreate(user: User | undefined, command: CreateUser, now: number): Decision {
  if (user !== undefined && !isFree(user, command)) return reject(alreadyExists(command.userId));
  const { change, personal } = setPerson(command);
  return acceptPerson(undefined, {
    type: "UserCreated",
    time: now,
    actor: command.context.actor,
    data: { ...change, recreated: user !== undefined, reasonCode: command.reasonCode },
    personal: { ...personal, ...noteOf(command.note) },
  });
}

/** Refuses a change that makes a person too large, however small the earlier steps were. */
function acceptPerson(before: User | undefined, event: UserEvent): Decision {
  const { person } = evolve(before, event, "", "");
  const chars = personChars(person);
  const namespaces = Object.keys(person.attributes).length;
  if (chars > PERSON_CHARS_MAX) {
    return reject(
      refuseField(
        "attributes",
        `profile and attributes would have ${chars} characters together; ${PERSON_CHARS_MAX} are allowed`,
      ),
    );
  }
  if (namespaces > NAMESPACES_MAX) {
    return reject(refuseField("attributes", `there would be ${namespaces} namespaces; ${NAMESPACES_MAX} are allowed`));
  }
  const refusal = refuseLongKey(event.personal);
  return refusal === undefined ? accept(event) : reject(refusal);
}

/** Refuses a new username or email address that becomes too long when it is normalised for sign-in and search. */
function refuseLongKey(personal: Readonly<Record<string, string>>): Refusal | undefined {
  for (const field of ["profile.username", "profile.email"]) {
    const bytes = Buffer.byteLength(toSearchKey(personal[field] ?? ""));
    if (bytes <= SEARCH_KEY_BYTES_MAX) continue;
    return refuseField(
      field,
      `it has ${bytes} bytes when it is normalised for sign-in (NFKC, UTF-8); ${SEARCH_KEY_BYTES_MAX} are allowed`,
    );
  }
  return undefined;
}

function isFree(user: User, command: { readonly organizationId: string }): boolean {
  return user.state.deleted && user.state.organizationId === command.organizationId;
}

function alreadyExists(userId: string): Refusal {
  return refuse("USER_ALREADY_EXISTS", `the user id ${shown(userId)} is taken`, { metadata: { userId } });
}

/** A change of a person with the values it sets. */
interface Changed {
  readonly change: PersonChange;
  readonly personal: Personal;
}

/** Returns everything that a person input sets, as one change. */
function setPerson({ profile, attributes }: PersonInput): Changed {
  const personal: Personal = {};
  for (const field of PROFILE_FIELDS) {
    const value = profile[field];
    if (value !== undefined && field !== "locale") personal[`profile.${field}`] = value;
  }
  for (const [namespace, value] of Object.entries(attributes)) personal[`attributes.${namespace}`] = value;
  return {
    change: {
      set: Object.keys(personal).sort(),
      cleared: [],
      ...(profile.emailVerified ? { emailVerified: true } : {}),
      ...(profile.locale === undefined ? {} : { locale: profile.locale }),
    },
    personal,
  };
}

/** Decides UpdateUser. Only differences are written; an update that changes nothing adds no event. */
export function decideUpdate(user: User, command: UpdateUser, now: number): Decision {
  const { change, personal } = changesOf(user.person, command);
  if (isEmpty(change)) return accept();
  return acceptPerson(user, {
    type: "UserUpdated",
    time: now,
    actor: command.context.actor,
    data: { ...change, reasonCode: command.reasonCode },
    personal: { ...personal, ...noteOf(command.note) },
  });
}

function isEmpty(change: PersonChange): boolean {
  return change.set.length + change.cleared.length === 0 && !("emailVerified" in change || "locale" in change);
}

type Update = Pick<UpdateUser, "fields" | "namespaces" | "profile" | "attributes">;

function changesOf(before: Person, command: Update): Changed {
  const personal: Personal = {};
  const cleared: string[] = [];
  const put = (name: string, old: string | undefined, value: string | undefined): void => {
    if (value !== undefined && value !== old) personal[name] = value;
    else if (value === undefined && old !== undefined) cleared.push(name);
  };
  for (const field of command.fields) {
    if (field === "emailVerified" || field === "locale") continue;
    put(`profile.${field}`, before.profile[field], command.profile[field]);
  }
  const all = new Set([...Object.keys(before.attributes), ...Object.keys(command.attributes)]);
  for (const namespace of command.namespaces === "all" ? all : command.namespaces) {
    put(`attributes.${namespace}`, own(before.attributes, namespace), own(command.attributes, namespace));
  }
  const verified = verifiedAfter(before, command);
  const locale = command.profile.locale ?? "";
  return {
    change: {
      set: Object.keys(personal).sort(),
      cleared: cleared.sort(),
      ...(verified !== (before.profile.emailVerified ?? false) ? { emailVerified: verified } : {}),
      ...(command.fields.includes("locale") && locale !== (before.profile.locale ?? "") ? { locale } : {}),
    },
    personal,
  };
}

/** A proof for one address says nothing about the next: a new email is not verified unless the caller says so. */
function verifiedAfter(before: Person, { fields, profile }: Update): boolean {
  if (fields.includes("emailVerified")) return profile.emailVerified ?? false;
  const keepsEmail = !fields.includes("email") || profile.email === before.profile.email;
  return keepsEmail && (before.profile.emailVerified ?? false);
}

function own(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** One event carries the whole item. An update merges: what the item does not name stays, even restrictions. */
export function decideImport(user: User | undefined, command: ImportUser, context: DecideContext): Decision {
  const { creationTime } = command;
  if (creationTime !== undefined && (creationTime < 0 || creationTime > context.now)) {
    return reject(
      refuseField(
        "creation_date",
        `must lie between 1970-01-01T00:00:00Z and now, ${new Date(context.now).toISOString()}`,
      ),
    );
  }
  const restrictions = importedRestrictions(user, command, context);
  if (!restrictions.ok) return reject(restrictions.refusal);
  const exists = user !== undefined && !isFree(user, command);
  const visible = user !== undefined && !user.state.deleted && user.state.organizationId === command.organizationId;
  if (exists && (command.ifExists === "error" || !visible)) return reject(alreadyExists(command.userId));
  if (exists && command.ifExists === "skip") return accept();
  const { change, personal } = exists ? changesOf(user.person, namedOf(command)) : setPerson(command);
  const apart = apartFault(user, restrictions.records, command);
  if (apart !== undefined) return reject(apart);
  const present = exists ? user.state.restrictions : [];
  const isNew = (r: ImportedRecords[number]): boolean =>
    !present.some((p) => isSame(p, r, command, restrictions.notes));
  // Restrictions that a deleted user kept are in force too.
  const records = restrictions.records
    .filter(isNew)
    .map((record) => neverWeaker(record, presentOf(user, record)))
    .filter(isNew);
  if (exists && isEmpty(change) && records.length === 0) return accept();
  return acceptPerson(exists ? user : undefined, {
    type: "UserImported",
    time: context.now,
    actor: command.context.actor,
    data: {
      ...change,
      created: !exists,
      recreated: user !== undefined && !exists,
      ...(!exists && creationTime !== undefined ? { creationTime } : {}),
      restrictions: records,
      sessionsRevoked: records.some((r) => r.started && r.revokeSessions),
    },
    personal: { ...personal, ...notesOf(records, restrictions.notes) },
  });
}

/** An item changes what it names; it cannot remove anything. */
function namedOf({ profile, attributes }: ImportUser): Update {
  const named = ["emailVerified", ...PROFILE_FIELDS] as const;
  return {
    profile,
    attributes,
    fields: named.filter((field) => profile[field] !== undefined),
    namespaces: Object.keys(attributes),
  };
}

type Named = Pick<Restriction, "kind" | "cause">;

function presentOf(user: User | undefined, { kind, cause }: Named): Restriction | undefined {
  return user?.state.restrictions.find((present) => present.kind === kind && present.cause === cause);
}

/** Refuses restrictions that hold at different times: they cannot be joined into one, and neither may be lost. */
function apartFault(user: User | undefined, records: ImportedRecords, command: ImportUser): Refusal | undefined {
  for (const record of records) {
    const present = presentOf(user, record);
    if (present === undefined || present.started || !isApart(record, present)) continue;
    const index = command.restrictions.findIndex(({ id }) => id === record.id);
    const start = new Date(present.startTime).toISOString();
    return refuseField(
      `restrictions[${index}]`,
      `the user has another ${record.kind} of the cause ${record.cause}, scheduled from ${start}; there is one at a time, so lift that first`,
    );
  }
  return undefined;
}

/** Returns whether a restriction is as the item says: importing it again neither restarts it nor ends sessions. */
function isSame(present: Restriction, record: ImportedRecords[number], command: ImportUser, notes: Personal): boolean {
  const { id, kind, cause, reasonCode, startTime, expireTime, started } = record;
  const item = command.restrictions.find((each) => each.id === id);
  const sameStart = present.startTime === startTime || (present.started && started);
  // If the item names no start, the end is the same when the duration is.
  const counted = item?.startTime === undefined && expireTime !== null && item?.expiry.kind !== "at";
  const isAsLong =
    counted && present.expireTime !== null && present.expireTime - present.startTime === expireTime - startTime;
  const sameEnd = isAsLong || present.expireTime === expireTime;
  return (
    present.kind === kind &&
    present.cause === cause &&
    present.reasonCode === reasonCode &&
    present.note === (notes[`note.${id}`] ?? "") &&
    sameStart &&
    sameEnd
  );
}

function notesOf(records: ImportedRecords, notes: Personal): Personal {
  const names = records.map(({ id }) => `note.${id}`);
  return Object.fromEntries(Object.entries(notes).filter(([name]) => names.includes(name)));
}

type ImportedRecords = UserEventData["UserImported"]["restrictions"];

/** Returns the restrictions of an item. Expired ones are left out: they restrict nobody. */
function importedRestrictions(
  user: User | undefined,
  command: ImportUser,
  { now, defaultLockDurationMs }: DecideContext,
):
  | { readonly ok: true; readonly records: ImportedRecords; readonly notes: Personal }
  | { readonly ok: false; readonly refusal: Refusal } {
  const records: ImportedRecords[number][] = [];
  const notes: Personal = {};
  for (const [index, item] of command.restrictions.entries()) {
    const fieldPrefix = `restrictions[${index}].`;
    const twice = command.restrictions.findIndex((r) => r.kind === item.kind && r.cause === item.cause) !== index;
    if (twice) {
      return reject(
        refuseField(
          `restrictions[${index}]`,
          `a second ${item.kind} of the cause ${item.cause}; at most one is allowed`,
        ),
      );
    }
    const causes: readonly Cause[] = CAUSES_OF[item.kind];
    if (!causes.includes(item.cause)) {
      const said = `${shown(item.cause)} does not go with ${item.kind}; allowed are ${causes.join(", ")}`;
      return reject(refuseField(`${fieldPrefix}cause`, said));
    }
    // Without a start, the end alone shows that it has ended: its start was before that, not now.
    if (item.startTime === undefined && item.expiry.kind === "at" && item.expiry.time <= now) continue;
    const staysPermanent = isPermanent(user?.state.restrictions ?? [], item.kind, item.cause);
    const interval = resolveInterval(item.expiry, item.startTime, {
      now,
      defaultMs: item.kind === "LOCK" && !staysPermanent ? defaultLockDurationMs : null,
      allowPastStart: true,
      fieldPrefix,
    });
    if (!interval.ok) return interval;
    const { startTime, expireTime } = interval;
    if (startTime < 0 || startTime > LATEST_TIME) {
      return reject(refuseField(`${fieldPrefix}start_time`, "must not lie before 1970-01-01T00:00:00Z"));
    }
    if (expireTime !== null && expireTime <= now) continue;
    records.push({
      id: item.id,
      kind: item.kind,
      cause: item.cause,
      reasonCode: item.reasonCode,
      actor: item.actor === "" ? command.context.actor : item.actor,
      startTime,
      expireTime,
      started: startTime <= now,
      revokeSessions: item.kind !== "LOCK",
    });
    if (item.note !== "") notes[`note.${item.id}`] = item.note;
  }
  return { ok: true, records, notes };
}
