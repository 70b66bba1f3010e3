/** Names what a command needs, for engines that load a batch before it runs. */
import type { AttemptCommand, AttemptSubject } from "../../domain/attempt.ts";
import type { UserCommand } from "../../domain/command.ts";
import { FACTORS, type Factor, INSTANCE_POLICY_ID } from "../../domain/policy.ts";
import type { SessionCommand } from "../../domain/session.ts";
import type { Command } from "../commands.ts";
import { toSubjectKey } from "../rows/subject-key.ts";
import { isErasing } from "./batch-erasures.ts";
import { counterKey, type EntryKey, INSTANCE_KEY, OWNERS_KEY, personalKey, requestKey } from "./entries.ts";
import type { WorkingSet } from "./working-set.ts";

/**
 * Returns the keys of all entries that a command may read or change, as far as the entries that the set holds name
 * them. An engine loads those that the set does not hold and asks again; three rounds name all. What a command finds
 * although it is not stored was made by an earlier command of the batch, whose keys name what belongs to it.
 */
export function keysOf(command: Command, set: WorkingSet): readonly EntryKey[] {
  const { keyId } = command.context;
  const request = requestKey(command);
  return [
    ...(keyId === undefined ? [] : [{ kind: "apiKey", id: keyId } as const]),
    ...(request === undefined ? [] : [request]),
    ...ownKeysOf(command, set),
  ];
}

function ownKeysOf(command: Command, set: WorkingSet): readonly EntryKey[] {
  switch (command.type) {
    case "CreateOrganization":
    case "UpdateOrganization":
      return [{ kind: "organization", id: command.organizationId }];
    case "CreateApiKey":
      return [{ kind: "apiKey", id: command.keyId }, ...organizationOf(command.organizationId)];
    case "RotateApiKey":
      return [{ kind: "apiKey", id: command.keyId }];
    case "RevokeApiKey":
      return [{ kind: "apiKey", id: command.keyId }, OWNERS_KEY];
    case "CreateSession":
    case "UpdateSession":
    case "RevokeSession":
      return sessionKeys(command, set);
    case "UpdatePolicy":
    case "ResetPolicy":
      return [
        { kind: "policy", id: command.policyId },
        ...organizationOf(command.policyId === INSTANCE_POLICY_ID ? null : command.policyId),
      ];
    case "BeginAttempt":
    case "RecordAttempt":
    case "CompleteAttempt":
    case "SettleAttempts":
      return attemptKeys(command, set);
    default:
      return userKeys(command, set);
  }
}

function sessionKeys(command: SessionCommand, set: WorkingSet): readonly EntryKey[] {
  const session = { kind: "session", id: command.sessionId } as const;
  const userId = command.type === "CreateSession" ? command.userId : set.held(session)?.session?.userId;
  return [session, INSTANCE_KEY, ...(userId === undefined ? [] : [{ kind: "user", id: userId } as const])];
}

function attemptKeys(command: AttemptCommand, set: WorkingSet): readonly EntryKey[] {
  if (command.type === "SettleAttempts") return subjectKeys(command, set);
  const entry = { kind: "attempt", id: command.attemptId } as const;
  const subject = command.type === "CompleteAttempt" ? set.held(entry)?.attempt : command;
  return [entry, ...(subject === undefined ? [] : subjectKeys(subject, set))];
}

interface OfSubject {
  readonly subject: AttemptSubject;
  readonly organizationId?: string;
  readonly factor: Factor;
}

/** The counter of a subject, its user, and the policies that bound it. */
function subjectKeys({ subject, factor, organizationId }: OfSubject, set: WorkingSet): readonly EntryKey[] {
  const counter = counterKey(subject, factor);
  if ("shadow" in subject) {
    const made = set.held(counter)?.shadowState?.organizationId;
    return [counter, ...policiesOf(organizationId), ...policiesOf(made)];
  }
  const user = { kind: "user", id: subject.userId } as const;
  return [counter, user, ...policiesOf(organizationId), ...policiesOf(set.held(user)?.state?.organizationId)];
}

function userKeys(command: UserCommand, set: WorkingSet): readonly EntryKey[] {
  const user = { kind: "user", id: command.userId } as const;
  const stored = set.held(user)?.state?.organizationId;
  const keys: EntryKey[] = [user, ...organizationOf(stored), ...erasureKeys(command)];
  const isCreation = command.type === "CreateUser" || command.type === "ImportUser";
  if (!isCreation && command.type !== "UnlockUser") return keys;
  keys.push(...policiesOf(stored), { kind: "countedFactors", id: toSubjectKey({ userId: command.userId }) });
  // Later commands of the batch find the new user in this organization.
  if (isCreation) keys.push(...organizationOf(command.organizationId), ...policiesOf(command.organizationId));
  for (const factor of FACTORS) {
    const counter = counterKey({ userId: command.userId }, factor);
    keys.push(counter);
    for (const { id } of set.held(counter)?.counter.outstanding ?? []) keys.push({ kind: "attempt", id });
  }
  return keys;
}

/** What a command that erases must know, and changes. */
function erasureKeys(command: UserCommand): readonly EntryKey[] {
  if (!isErasing(command)) return [];
  const erasure = { kind: "erasure", id: command.userId } as const;
  const found = command.type === "RedactEvent" ? command.found : undefined;
  return found === undefined ? [erasure] : [erasure, personalKey(found.position)];
}

function organizationOf(id: string | null | undefined): readonly EntryKey[] {
  return id === null || id === undefined ? [] : [{ kind: "organization", id }];
}

function policiesOf(organizationId: string | undefined): readonly EntryKey[] {
  if (organizationId === undefined) return [{ kind: "policy", id: INSTANCE_POLICY_ID }];
  return [
    { kind: "policy", id: INSTANCE_POLICY_ID },
    { kind: "policy", id: organizationId },
  ];
}
