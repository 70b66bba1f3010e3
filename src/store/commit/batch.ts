/** One batch: decides each command against what the commands before it left, and collects the changes. */
import {
  type ApiKeyCommand,
  credentialInvalid,
  decideApiKey,
  evolveApiKey,
  isEffective,
  opensWith,
} from "../../domain/api-key.ts";
import type { AttemptCommand } from "../../domain/attempt.ts";
import type { CommandContext } from "../../domain/command.ts";
import { decideOrganization, evolveOrganization, type OrganizationCommand } from "../../domain/organization.ts";
import { decidePolicy, evolvePolicy, INSTANCE_POLICY_ID, type PolicyCommand } from "../../domain/policy.ts";
import { type Refusal, refuse, shown } from "../../domain/refusal.ts";
import type { Session } from "../../domain/session.ts";
import type { Command, DomainEvent, Outcome, ResourceOf } from "../commands.ts";
import { decideAttempt } from "./batch-attempts.ts";
import { isErasing, userShownBy, withoutPersonal } from "./batch-erasures.ts";
import { decideSessionCommand } from "./batch-sessions.ts";
import { checkOrganization, decideUser, evolveUser } from "./batch-users.ts";
import { type AcceptedCommand, type Changes, type Decided, lastOf, type PendingEvent } from "./changes.ts";
import { commandBytes } from "./command-bytes.ts";
import { type Answer, type EntryKey, requestKey } from "./entries.ts";
import type { WorkingSet } from "./working-set.ts";

/** How long a request is remembered, in milliseconds. */
export const REQUEST_KEPT_MS = 24 * 3_600_000;

/** An event may have personal values, which are a row next to it; a command leaves a resource and may leave its request. */
const ROWS_PER_EVENT = 2;
const ROWS_PER_COMMAND = 2;

export class Batch {
  readonly #set: WorkingSet;
  readonly #now: number;
  readonly #activity: (session: Session) => Session;
  readonly #accepted: AcceptedCommand[] = [];
  /** Users that the batch has erased something of: what earlier commands answered must not be shown again. */
  readonly #erased = new Set<string>();
  #rows = 0;
  #bytes = 0;

  /** `activity`: returns a session with its last known activity, written or not. */
  constructor(set: WorkingSet, now: number, activity: (session: Session) => Session) {
    this.#set = set;
    this.#now = now;
    this.#activity = activity;
  }

  /** Decides a command: first the credential, then a repeated request, then existence, then the rules. */
  execute(command: Command): Outcome {
    const { context } = command;
    const credentialRefusal = this.#checkCredential(context);
    if (credentialRefusal !== undefined) return { ok: false, refusal: credentialRefusal };
    const repeated = this.#findRepeated(command);
    if (repeated !== undefined) return repeated;
    const decided = this.#decide(command);
    if (!decided.ok) return decided;
    const { entry, events, resource, own } = decided;
    if (!context.validateOnly) {
      decided.apply();
      const isChanged = events.length > 0 || decided.isRowChanged === true;
      if (isChanged) entry.isChanged = true;
      if (isErasing(command) && events.length > 0) this.#erased.add(command.userId);
      const { request } = context;
      const key = requestKey(command);
      if (isChanged || request !== undefined) {
        const answer = answerToKeep(key, resource);
        const answerUserId = answer === null ? null : (userShownBy(resource) ?? null);
        this.#accepted.push({ entry, events, context, answer, answerUserId });
        this.#rows += ROWS_PER_EVENT * events.length + ROWS_PER_COMMAND;
        this.#bytes += commandBytes(command);
      }
      if (request !== undefined && key !== undefined) {
        const answer = (): Answer => ({ resource, ...own });
        this.#set.get(key).request = { content: request.content, time: this.#now, answer };
      }
    }
    return { ok: true, resource, ...own, written: context.validateOnly ? 0 : events.length, replayed: false };
  }

  /** What the accepted commands will write, roughly: for engines that bound a transaction. */
  get weight(): { readonly rows: number; readonly bytes: number } {
    return { rows: this.#rows, bytes: this.#bytes };
  }

  /** The changes of the accepted commands, for the engine to write. */
  get changes(): Changes {
    return { accepted: this.#accepted, entries: this.#set.changed() };
  }

  #checkCredential({ keyId, secretHash, credentialEndTime }: CommandContext): Refusal | undefined {
    if (credentialEndTime !== undefined && credentialEndTime <= this.#now) {
      return credentialInvalid("the token has expired");
    }
    if (keyId === undefined) return undefined;
    const { key } = this.#set.get({ kind: "apiKey", id: keyId });
    const opens =
      key !== undefined &&
      isEffective(key, this.#now) &&
      (secretHash === undefined || opensWith(key, secretHash, this.#now));
    return opens ? undefined : credentialInvalid();
  }

  #findRepeated(command: Command): Outcome | undefined {
    const { request } = command.context;
    const key = requestKey(command);
    if (request === undefined || key === undefined) return undefined;
    const earlier = this.#set.get(key).request;
    if (earlier === undefined || earlier.time <= this.#now - REQUEST_KEPT_MS) return undefined;
    const isSame = Buffer.compare(earlier.content, request.content) === 0;
    if (!isSame) return { ok: false, refusal: requestIdReused(request) };
    const answer = earlier.answer();
    const shown = this.#erased.has(userShownBy(answer.resource) ?? "") ? withoutPersonal(answer) : answer;
    return { ok: true, ...shown, written: 0, replayed: true };
  }

  #decide(command: Command): Decided {
    switch (command.type) {
      case "CreateOrganization":
      case "UpdateOrganization":
        return this.#decideOrganization(command);
      case "CreateApiKey":
      case "RotateApiKey":
      case "RevokeApiKey":
        return this.#decideApiKey(command);
      case "CreateSession":
      case "UpdateSession":
      case "RevokeSession":
        return decideSessionCommand(this.#set, command, this.#now, this.#activity);
      case "UpdatePolicy":
      case "ResetPolicy":
        return this.#decidePolicy(command);
      case "BeginAttempt":
      case "RecordAttempt":
      case "CompleteAttempt":
      case "SettleAttempts":
        return this.#decideAttempt(command);
      default:
        return decideUser(this.#set, command, this.#now);
    }
  }

  /** A lock by policy is an event of the user; everything else about attempts is rows. */
  #decideAttempt(command: AttemptCommand): Decided {
    const decided = decideAttempt(this.#set, command, this.#now);
    if (!decided.ok) return decided;
    const { answer: resource, locked, entry, isChanged: isRowChanged } = decided;
    if (locked === undefined) {
      return { ok: true, entry, events: [], resource, own: {}, isRowChanged, apply: decided.apply };
    }
    const { organizationId } = resource.user;
    const evolved = evolveUser(locked.entry, locked.due, [locked.own], organizationId, command.context);
    const apply = (): void => {
      evolved.apply();
      decided.apply();
    };
    return { ...evolved, resource, apply };
  }

  #decidePolicy(command: PolicyCommand): Decided {
    const { policyId, context } = command;
    const isInstance = policyId === INSTANCE_POLICY_ID;
    const unknown = isInstance ? undefined : checkOrganization(this.#set, policyId, context);
    if (unknown !== undefined) return { ok: false, refusal: unknown };
    const entry = this.#set.get({ kind: "policy", id: policyId });
    const decision = decidePolicy(entry.policy, command, this.#now);
    if (!decision.ok) return decision;
    let { policy } = entry;
    const events: PendingEvent[] = [];
    for (const event of decision.events) {
      policy = evolvePolicy(policy, event, policyId);
      const organizationId = isInstance ? null : policyId;
      events.push(ownEvent(event, context, { organizationId, sequence: policy.sequence }));
    }
    const none = { id: policyId, values: {}, sequence: 0, creationTime: this.#now, changeTime: this.#now };
    const apply = (): void => {
      entry.policy = policy;
    };
    return { ok: true, entry, events, resource: policy ?? none, own: lastOf(decision.events), apply };
  }

  #decideOrganization(command: OrganizationCommand): Decided {
    const entry = this.#set.get({ kind: "organization", id: command.organizationId });
    const decision = decideOrganization(entry.organization, command, this.#now);
    if (!decision.ok) return decision;
    let organization = entry.organization;
    const events: PendingEvent[] = [];
    for (const event of decision.events) {
      organization = evolveOrganization(organization, event, entry.id);
      events.push(ownEvent(event, command.context, { organizationId: entry.id, sequence: organization.sequence }));
    }
    if (organization === undefined) throw new Error(`batch: the unknown organization ${shown(entry.id)} was updated`);
    const resource = organization;
    const apply = (): void => {
      entry.organization = resource;
    };
    return { ok: true, entry, events, resource, own: lastOf(decision.events), apply };
  }

  #decideApiKey(command: ApiKeyCommand): Decided {
    if (command.type === "CreateApiKey" && command.organizationId !== null) {
      const unknown = checkOrganization(this.#set, command.organizationId, command.context);
      if (unknown !== undefined) return { ok: false, refusal: unknown };
    }
    const entry = this.#set.get({ kind: "apiKey", id: command.keyId });
    if (command.type === "CreateApiKey" && entry.key !== undefined) {
      throw new Error(`batch: the API key id ${shown(command.keyId)} is taken`);
    }
    const otherOwners = command.type === "RevokeApiKey" ? this.#set.countOtherOwners(command.keyId) : 0;
    const decision = decideApiKey(entry.key, command, { now: this.#now, otherOwners });
    if (!decision.ok) return decision;
    let key = entry.key;
    const events: PendingEvent[] = [];
    for (const event of decision.events) {
      key = evolveApiKey(key, event, entry.id);
      const { organizationId, sequence } = key;
      events.push(ownEvent(event, command.context, { organizationId, sequence, apiKeyId: entry.id }));
    }
    if (key === undefined) throw new Error(`batch: the unknown API key ${shown(entry.id)} was changed`);
    const resource = key;
    const apply = (): void => {
      if (entry.key !== undefined && entry.key.secretHash !== resource.secretHash) {
        entry.formerHashes.push(entry.key.secretHash);
      }
      entry.key = resource;
    };
    return { ok: true, entry, events, resource, own: lastOf(decision.events), apply };
  }
}

/** Replaying a history blocks the writer, so no answer is rebuilt from more events than this. */
const REPLAYED_EVENTS_MAX = 100;

/** Returns the answer as JSON if it cannot be rebuilt from few events, else `null`. */
function answerToKeep(key: EntryKey<"request"> | undefined, resource: ResourceOf<Command>): string | null {
  if (key === undefined) return null;
  // The events of a command may be those of another resource than it answers with, as for RevokeSession.
  const isReplayable = key.of === "user" || key.of === "organization" || key.of === "apiKey";
  const sequence = "state" in resource ? resource.state.sequence : "sequence" in resource ? resource.sequence : 0;
  return !isReplayable || sequence > REPLAYED_EVENTS_MAX ? JSON.stringify(resource) : null;
}

function ownEvent(
  event: DomainEvent,
  { via, request }: CommandContext,
  of: { readonly organizationId: string | null; readonly sequence: number; readonly apiKeyId?: string },
): PendingEvent {
  const { organizationId, sequence, apiKeyId } = of;
  return { event, organizationId, userId: null, apiKeyId, sequence, via, requestId: request?.id ?? "" };
}

function requestIdReused({ id, sentId = id, rpc }: NonNullable<CommandContext["request"]>): Refusal {
  const sentence = `the request_id ${shown(sentId)} was used for another ${rpc} request; use a new one`;
  return refuse("REQUEST_ID_REUSED", sentence, { metadata: { requestId: sentId } });
}
