/** One batch: decides each command in order against what the ones before it left, then writes all of it. */
import {
  type ApiKeyCommand,
  credentialInvalid,
  decideApiKey,
  evolveApiKey,
  isEffective,
  opensWith,
} from "../../domain/api-key.ts";
import type { AttemptCommand } from "../../domain/attempt.ts";
import type { CommandContext, RequestName, UserCommand } from "../../domain/command.ts";
import { decide, userNotFound } from "../../domain/decide.ts";
import type { UserEvent } from "../../domain/event.ts";
import { evolve, evolveState, touchesPerson } from "../../domain/evolve.ts";
import {
  DEFAULT_LOCK_DURATION_MS,
  decideOrganization,
  evolveOrganization,
  type OrganizationCommand,
  organizationNotFound,
} from "../../domain/organization.ts";
import { decidePolicy, evolvePolicy, INSTANCE_POLICY_ID, type PolicyCommand } from "../../domain/policy.ts";
import { type Refusal, refuse, shown } from "../../domain/refusal.ts";
import type { Session, SessionCommand } from "../../domain/session.ts";
import { settle } from "../../domain/settle.ts";
import type { UserState } from "../../domain/user.ts";
import type { Command, DomainEvent, Outcome, ResourceOf } from "../commands.ts";
import { toRecordedEvent } from "../sqlite/rows.ts";
import type { HotStatements } from "../sqlite/write/hot-statements.ts";
import { readAnswer } from "../sqlite/write/read-answer.ts";
import { type AcceptedCommand, type PendingEvent, writeAccepted } from "../sqlite/write/write-batch.ts";
import { decideAttempt } from "./batch-attempts.ts";
import { decideSessionCommand } from "./batch-sessions.ts";
import { beginLife, forgetFailures } from "./counter-changes.ts";
import { type AnyEntry, type UserEntry, WorkingSet } from "./working-set.ts";

/** How long a request is remembered. */
export const REQUEST_KEPT_MS = 24 * 3_600_000;

/** How events come about that no call asked for. */
const CLOCK_VIA = "clock";

interface Remembered {
  readonly content: Uint8Array;
  readonly resource: ResourceOf<Command>;
  readonly own: OwnEvent;
}

/** The command's own last event, where it has one. */
interface OwnEvent {
  readonly event?: DomainEvent;
}

/** What a command came to, before it is known whether it stays. */
type Decided =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly entry: AnyEntry;
      readonly events: readonly PendingEvent[];
      readonly resource: ResourceOf<Command>;
      readonly own: OwnEvent;
      /** The row is to be written although no event says so. */
      readonly isRowChanged?: boolean;
      /** Makes later commands of the batch see it. */
      readonly apply: () => void;
    };

export class Batch {
  readonly #statements: HotStatements;
  readonly #now: number;
  readonly #activity: (session: Session) => Session;
  readonly #set: WorkingSet;
  readonly #accepted: AcceptedCommand[] = [];
  readonly #requests = new Map<string, Remembered>();

  /** `activity`: a session with the last activity that is known, on disk or not. */
  constructor(statements: HotStatements, now: number, activity: (session: Session) => Session) {
    this.#statements = statements;
    this.#now = now;
    this.#activity = activity;
    this.#set = new WorkingSet(statements);
  }

  /** The order: the caller's key, the repeated request, existence, and then the rules. */
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
      const { request } = context;
      if (isChanged || request !== undefined) {
        this.#accepted.push({ entry, events, context, answer: answerToKeep(context, entry, resource) });
      }
      if (request !== undefined) {
        this.#requests.set(requestKey(context, request), { content: request.content, resource, own });
      }
    }
    return { ok: true, resource, ...own, written: context.validateOnly ? 0 : events.length, replayed: false };
  }

  /** Writes what was accepted; false: there was nothing to write. */
  write(): boolean {
    return writeAccepted(this.#statements, this.#now, this.#accepted, this.#set);
  }

  #checkCredential({ keyId, secretHash, credentialEndTime }: CommandContext): Refusal | undefined {
    if (credentialEndTime !== undefined && credentialEndTime <= this.#now) {
      return credentialInvalid("the token has expired");
    }
    if (keyId === undefined) return undefined;
    const { key } = this.#set.apiKey(keyId);
    const opens =
      key !== undefined &&
      isEffective(key, this.#now) &&
      (secretHash === undefined || opensWith(key, secretHash, this.#now));
    return opens ? undefined : credentialInvalid();
  }

  #findRepeated(command: Command): Outcome | undefined {
    const { request, actor } = command.context;
    if (request === undefined) return undefined;
    const inBatch = this.#requests.get(requestKey(command.context, request));
    if (inBatch !== undefined) {
      if (Buffer.compare(inBatch.content, request.content) !== 0) {
        return { ok: false, refusal: requestIdReused(request) };
      }
      return { ok: true, resource: inBatch.resource, ...inBatch.own, written: 0, replayed: true };
    }
    const row = this.#statements.findRequest.get(actor, request.scope, request.rpc, request.id);
    if (row === undefined || row.time <= this.#now - REQUEST_KEPT_MS) return undefined;
    if (Buffer.compare(row.content, request.content) !== 0) return { ok: false, refusal: requestIdReused(request) };
    const resource =
      row.answer === null
        ? readAnswer(this.#statements, command, row.resource_id, row.position)
        : (JSON.parse(row.answer) as ResourceOf<Command>);
    return {
      ok: true,
      resource,
      ...readOwnEvent(this.#statements, row, actor, request.id),
      written: 0,
      replayed: true,
    };
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
        return this.#decideSession(command);
      case "UpdatePolicy":
      case "ResetPolicy":
        return this.#decidePolicy(command);
      case "BeginAttempt":
      case "RecordAttempt":
      case "CompleteAttempt":
      case "SettleAttempts":
        return this.#decideAttempt(command);
      default:
        return this.#decideUser(command);
    }
  }

  #decideUser(command: UserCommand): Decided {
    if (command.type === "CreateUser" || command.type === "ImportUser") {
      const unknown = this.#checkOrganization(command.organizationId, command.context);
      if (unknown !== undefined) return { ok: false, refusal: unknown };
    }
    const entry = this.#set.user(command.userId);
    const settled = entry.state === undefined ? undefined : settle(entry.state, this.#now);
    if (settled === undefined && command.type === "SettleUser") {
      return { ok: false, refusal: userNotFound(command.userId) };
    }
    const organizationId =
      settled?.state.organizationId ?? ("organizationId" in command ? command.organizationId : undefined);
    const decision = decide(settled && { state: settled.state, person: entry.person }, command, {
      now: this.#now,
      defaultLockDurationMs: this.#lockDurationOf(organizationId),
    });
    if (!decision.ok) return decision;
    const due = settled?.events ?? [];
    const decided = this.#evolveUser(entry, due, decision.events, organizationId ?? "", command.context);
    const isRecreated = decision.events.some(({ data }) => "recreated" in data && data.recreated);
    const isUnlocked = command.type === "UnlockUser" && decision.events.length > 0;
    const apply = (): void => {
      decided.apply();
      if (isRecreated) beginLife(this.#set, entry, this.#now);
      if (isUnlocked) forgetFailures(this.#set, entry.id, organizationId ?? "");
    };
    return { ...decided, apply };
  }

  /** What a lock does to the user is an event like any other; the rest are rows. */
  #decideAttempt(command: AttemptCommand): Decided {
    const trial = decideAttempt(this.#set, command, this.#now);
    if (!trial.ok) return trial;
    const { answer: resource, locked, entry, isChanged: isRowChanged } = trial;
    if (locked === undefined) {
      return { ok: true, entry, events: [], resource, own: {}, isRowChanged, apply: trial.apply };
    }
    const { organizationId } = resource.user;
    const evolved = this.#evolveUser(locked.entry, locked.due, [locked.own], organizationId, command.context);
    const apply = (): void => {
      evolved.apply();
      trial.apply();
    };
    return { ...evolved, resource, apply };
  }

  #decidePolicy(command: PolicyCommand): Decided {
    const { policyId, context } = command;
    const isInstance = policyId === INSTANCE_POLICY_ID;
    const unknown = isInstance ? undefined : this.#checkOrganization(policyId, context);
    if (unknown !== undefined) return { ok: false, refusal: unknown };
    const entry = this.#set.policy(policyId);
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

  #evolveUser(
    entry: UserEntry,
    due: readonly UserEvent[],
    own: readonly UserEvent[],
    organizationId: string,
    context: CommandContext,
  ): Extract<Decided, { ok: true }> {
    let state: UserState | undefined = entry.state;
    let { person } = entry;
    let isPersonChanged = false;
    const events: PendingEvent[] = [];
    const append = (event: UserEvent, via: string, requestId: string): void => {
      if (touchesPerson(event.type)) {
        ({ state, person } = evolve(state && { state, person }, event, entry.id, organizationId));
        isPersonChanged = true;
      } else {
        state = evolveState(state, event, entry.id, organizationId);
      }
      const { sequence } = state;
      events.push({ event, organizationId, userId: entry.id, apiKeyId: undefined, sequence, via, requestId });
    };
    for (const event of due) append(event, CLOCK_VIA, "");
    for (const event of own) append(event, context.via, context.request?.id ?? "");
    if (state === undefined) {
      throw new Error(`batch: a command on the unknown user ${shown(entry.id)} succeeded without an event`);
    }
    const resource = { state, person };
    const apply = (): void => {
      entry.state = resource.state;
      entry.person = resource.person;
      entry.isPersonChanged ||= isPersonChanged;
    };
    return { ok: true, entry, events, resource, own: lastOf(own), apply };
  }

  #decideOrganization(command: OrganizationCommand): Decided {
    const entry = this.#set.organization(command.organizationId);
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
      const unknown = this.#checkOrganization(command.organizationId, command.context);
      if (unknown !== undefined) return { ok: false, refusal: unknown };
    }
    const entry = this.#set.apiKey(command.keyId);
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

  /** Sessions are rows without events. */
  #decideSession(command: SessionCommand): Decided {
    const trial = decideSessionCommand(this.#set, command, this.#now, this.#activity);
    return trial.ok ? { ...trial, events: [], own: {} } : trial;
  }

  #checkOrganization(id: string, { scope }: CommandContext): Refusal | undefined {
    const visible = scope === null || scope === id;
    if (visible && this.#set.organization(id).organization !== undefined) return undefined;
    return organizationNotFound(id);
  }

  #lockDurationOf(organizationId: string | undefined): number {
    if (organizationId === undefined) return DEFAULT_LOCK_DURATION_MS;
    return this.#set.organization(organizationId).organization?.defaultLockDurationMs ?? DEFAULT_LOCK_DURATION_MS;
  }
}

/** Replaying a history stops the writer, so no answer is rebuilt from more events than this. */
const REPLAYED_EVENTS_MAX = 100;

/** Answers that are not rebuilt from events are kept whole. */
function answerToKeep({ request }: CommandContext, { kind }: AnyEntry, resource: ResourceOf<Command>): string | null {
  if (request === undefined) return null;
  const isReplayable = kind === "user" || kind === "organization" || kind === "apiKey";
  const sequence = "state" in resource ? resource.state.sequence : "sequence" in resource ? resource.sequence : 0;
  return !isReplayable || sequence > REPLAYED_EVENTS_MAX ? JSON.stringify(resource) : null;
}

function lastOf(events: readonly DomainEvent[]): OwnEvent {
  const event = events.at(-1);
  return event === undefined ? {} : { event };
}

/** A request that wrote nothing stands at an event that is not its own. */
function readOwnEvent(
  statements: HotStatements,
  request: { readonly position: number; readonly time: number },
  actor: string,
  requestId: string,
): OwnEvent {
  const row = statements.readEvent.get(request.position);
  if (row === undefined) return {};
  const isOwn = row.request_id === requestId && row.actor === actor && row.record_time === request.time;
  return isOwn ? { event: toRecordedEvent(row).event } : {};
}

function ownEvent(
  event: DomainEvent,
  { via, request }: CommandContext,
  of: { readonly organizationId: string | null; readonly sequence: number; readonly apiKeyId?: string },
): PendingEvent {
  const { organizationId, sequence, apiKeyId } = of;
  return { event, organizationId, userId: null, apiKeyId, sequence, via, requestId: request?.id ?? "" };
}

/** U+0000 is in no string of any request. */
function requestKey({ actor }: CommandContext, { rpc, id, scope }: RequestName): string {
  return `${actor}\u0000${scope}\u0000${rpc}\u0000${id}`;
}

function requestIdReused({ id, sentId = id, rpc }: NonNullable<CommandContext["request"]>): Refusal {
  const sentence = `the request_id ${shown(sentId)} was used for another ${rpc} request; use a new one`;
  return refuse("REQUEST_ID_REUSED", sentence, { metadata: { requestId: sentId } });
}
