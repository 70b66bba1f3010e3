/** Writes a batch: log head, events with their hashes, the link, the rows and the remembered requests. */
import { lastsTheSame } from "../../../domain/attempt.ts";
import type { AcceptedCommand, Changes, PendingEvent } from "../../commit/changes.ts";
import type { Entry } from "../../commit/entries.ts";
import { encodeBody, hashEvent, hashLink } from "../../log/event-encoding.ts";
import type { RecordedEvent } from "../../queries.ts";
import { toAttemptRow, toCounterRow, toPlacesRow, toPolicyRow } from "../../rows/attempt-rows.ts";
import { toErasureRow } from "../../rows/erasure-rows.ts";
import { toApiKeyRow, toOrganizationRow, toSessionRow, toUserProfileRow, toUserStateRow } from "../../rows/rows.ts";
import type { LogHeadTable } from "../../rows/schema.ts";
import { toSubjectKey } from "../../rows/subject-key.ts";
import type { HotStatements } from "./hot-statements.ts";

/**
 * Writes all changes within the transaction under way, so history, chain and rows are never apart. The resources were
 * read (on an engine with many writers: locked) before the head of the log is taken here; positions and the previous
 * link come from that update alone. Returns the events; `undefined`: there was nothing to write.
 */
export function writeChanges(
  statements: HotStatements,
  now: number,
  { accepted, entries }: Changes,
): readonly RecordedEvent[] | undefined {
  if (accepted.length === 0) return undefined;
  const count = accepted.reduce((sum, { events }) => sum + events.length, 0);
  const head = count > 0 ? advanceHead(statements, count, now) : undefined;
  if (head === undefined) statements.setRecordTime.run(now);
  let position = (head?.position ?? 0) - count;
  const recorded: RecordedEvent[] = [];
  for (const command of accepted) {
    const { entry, events } = command;
    for (const pending of events) {
      position++;
      recorded.push(writeEvent(statements, now, position, entry.lastPosition, pending));
      entry.lastPosition = position;
    }
    writeRequest(statements, now, command);
  }
  if (head !== undefined) {
    const link = hashLink(
      head.link,
      recorded.map(({ hash }) => hash),
    );
    statements.insertLink.run(head.position, link);
    statements.setHeadLink.run(link);
  }
  for (const entry of entries) writeEntry(statements, now, entry);
  return recorded;
}

function advanceHead(statements: HotStatements, count: number, now: number): Pick<LogHeadTable, "position" | "link"> {
  const head = statements.advanceHead.get(count, now);
  if (head === undefined) throw new Error("the log has no head: the row of log_head is missing");
  return head;
}

function writeEvent(
  statements: HotStatements,
  recordTime: number,
  position: number,
  previousPosition: number | null,
  pending: PendingEvent,
): RecordedEvent {
  const { event, organizationId, userId, apiKeyId, sequence, via, requestId } = pending;
  const { type, time, actor } = event;
  const { body, privateValues } = encodeBody(event, apiKeyId);
  const hash = hashEvent(
    { position, previousPosition, organizationId, userId, sequence, type, time, recordTime, actor, via, requestId },
    body,
  );
  statements.insertEvent.run(
    position,
    previousPosition,
    organizationId,
    userId,
    sequence,
    type,
    time,
    recordTime,
    actor,
    via,
    requestId,
    body,
    hash,
  );
  if (privateValues !== null) statements.insertPrivate.run(position, JSON.stringify(privateValues));
  return {
    position,
    previousPosition,
    organizationId,
    userId,
    ...(apiKeyId === undefined ? {} : { apiKeyId }),
    sequence,
    recordTime,
    via,
    requestId,
    hash,
    event,
  };
}

function writeRequest(
  statements: HotStatements,
  now: number,
  { entry, context: { actor, request }, answer, answerUserId }: AcceptedCommand,
): void {
  if (request === undefined) return;
  const { scope, rpc, id, content } = request;
  const position = entry.lastPosition ?? 0;
  statements.putRequest.run(actor, scope, rpc, id, content, entry.id, position, answer, answerUserId, now);
}

function writeEntry(statements: HotStatements, now: number, entry: Entry): void {
  const lastPosition = entry.lastPosition ?? 0;
  switch (entry.kind) {
    case "user":
      writeUser(statements, entry, lastPosition);
      break;
    case "organization":
      if (entry.organization === undefined) break;
      (entry.exists ? statements.updateOrganization : statements.insertOrganization).run(
        toOrganizationRow(entry.organization, lastPosition),
      );
      break;
    case "apiKey":
      if (entry.key === undefined) break;
      (entry.exists ? statements.updateApiKey : statements.insertApiKey).run(toApiKeyRow(entry.key, lastPosition));
      for (const secretHash of entry.formerHashes) statements.insertFormerSecret.run(secretHash, entry.id);
      break;
    case "session":
      if (entry.session === undefined) break;
      (entry.exists ? statements.updateSession : statements.insertSession).run(
        toSessionRow(entry.session, entry.tokenHash),
      );
      break;
    case "policy":
      if (entry.policy !== undefined) statements.putPolicy.run(toPolicyRow(entry.policy, lastPosition));
      break;
    case "counter":
      writeCounter(statements, now, entry);
      break;
    case "instance": {
      const { generation, sequence, changeTime } = entry.instance;
      statements.putInstance.run(generation, sequence, changeTime, lastPosition);
      break;
    }
    case "attempt":
      writeAttempt(statements, entry);
      break;
    case "personal":
      if (entry.values === undefined) statements.deletePrivate.run(entry.id);
      else statements.putPrivate.run(JSON.stringify(entry.values), entry.id);
      break;
    case "erasure": {
      const row = toErasureRow(entry);
      if (row !== undefined) statements.putErasure.run(row);
      break;
    }
    case "lastingOwners":
    case "countedFactors":
    case "request":
      // No rows of their own: owners are API keys, factors have counters, and a request is written with its command.
      break;
    default:
      entry satisfies never;
  }
}

function writeUser(statements: HotStatements, entry: Entry<"user">, lastPosition: number): void {
  const { state, person } = entry;
  if (state === undefined) return;
  const row = toUserStateRow(state, lastPosition);
  const values = [
    row.state,
    row.kinds,
    row.sequence,
    row.epoch,
    row.creation_time,
    row.change_time,
    row.next_due,
    row.last_position,
    row.restrictions,
  ] as const;
  if (entry.exists) statements.updateUserState.run(...values, row.id);
  else statements.insertUserState.run(row.id, row.organization_id, ...values);
  if (!entry.isPersonChanged) return;
  const profile = toUserProfileRow(state, person);
  if (entry.exists) statements.putProfile.run(profile);
  else {
    statements.insertProfile.run(
      profile.id,
      profile.organization_id,
      profile.creation_time,
      profile.profile,
      profile.attributes,
      profile.username_key,
      profile.email_key,
    );
  }
}

function writeCounter(statements: HotStatements, now: number, entry: Entry<"counter">): void {
  const { counter, stored, factor } = entry;
  const subject = toSubjectKey(entry.subject);
  // What lasts changes with failures. A shadow's row changes with each attempt, as it tells when that was.
  if (entry.shadowState !== undefined || !lastsTheSame(counter, stored)) {
    const row = toCounterRow(counter, { ...entry, subject }, now);
    statements.putCounter.run(subject, factor, row.failures, row.locks, row.life, row.shadow_state, row.touch_time);
  }
  if (counter.outstanding.length > 0) {
    const row = toPlacesRow(counter, { subject, factor });
    statements.putPlaces.run(subject, factor, row.places, row.next_due);
  } else if (stored.outstanding.length > 0) {
    statements.deletePlaces.run(subject, factor);
  }
  for (const id of entry.expiredIds) statements.expireAttempt.run(now, id);
}

function writeAttempt(statements: HotStatements, { attempt, exists }: Entry<"attempt">): void {
  if (attempt === undefined) return;
  if (exists) {
    statements.updateAttempt.run(attempt.outcome, attempt.settleTime, attempt.id);
    return;
  }
  const row = toAttemptRow(attempt);
  statements.insertAttempt.run(
    row.id,
    row.subject,
    row.organization_id,
    row.factor,
    row.life,
    row.begin_time,
    row.end_time,
    row.outcome,
    row.settle_time,
    row.ip,
    row.network,
    row.user_agent,
    row.created_by,
  );
}
