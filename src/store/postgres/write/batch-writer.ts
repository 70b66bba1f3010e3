/** Writes a batch in one flight: events with their hashes, the link, the rows, the remembered requests, and the head. */
import { lastsTheSame } from "../../../domain/attempt.ts";
import type { AcceptedCommand, Changes, PendingEvent } from "../../commit/changes.ts";
import type { Entry } from "../../commit/entries.ts";
import { encodeBody, hashEvent, hashLink } from "../../log/event-encoding.ts";
import type { RecordedEvent } from "../../queries.ts";
import { toAttemptRow, toCounterRow, toPlacesRow, toPolicyRow } from "../../rows/attempt-rows.ts";
import { toErasureRow } from "../../rows/erasure-rows.ts";
import { toApiKeyRow, toOrganizationRow, toSessionRow, toUserProfileRow, toUserStateRow } from "../../rows/rows.ts";
import type { EventPrivateTable, EventTable } from "../../rows/schema.ts";
import { toSubjectKey } from "../../rows/subject-key.ts";
import type { Connection } from "../connect/connection.ts";
import { type BulkStatement, toArrays } from "./bulk-statements.ts";
import { DELETE_PRIVATE, PUT_ERASURES, PUT_PRIVATE } from "./erasure-statements.ts";
import * as sql from "./write-statements.ts";

/** The head of the log as it was taken. */
export interface Head {
  readonly position: number;
  readonly link: Uint8Array;
  /** Milliseconds since the epoch, as all times. */
  readonly recordTime: number;
  /** The position of the newest event of a key, a policy, an organization or the instance. */
  readonly configPosition: number;
  /** The server's clock. */
  readonly serverTime: number;
  /** Of the instance: a replica that was opened under another one must not go on. */
  readonly generation: number;
  /** The newest migration that a version must know to use the database. */
  readonly oldestBeside: string;
}

/** What a batch comes to, in rows. */
export class BatchWriter {
  /** In the order of the log. */
  readonly events: RecordedEvent[] = [];
  readonly #now: number;
  readonly #head: Head;
  readonly #rows = new Map<BulkStatement<never>, unknown[]>();
  readonly #expiredIds: string[] = [];

  /** Gives the events their positions, which follow those of `head`, and collects the rows. */
  constructor({ accepted, entries }: Changes, head: Head, now: number) {
    this.#now = now;
    this.#head = head;
    let { position } = head;
    for (const command of accepted) {
      const { entry, events } = command;
      for (const pending of events) {
        position++;
        this.#addEvent(position, entry.lastPosition, pending);
        entry.lastPosition = position;
      }
      this.#addRequest(command);
    }
    for (const entry of entries) this.#addEntry(entry);
  }

  /** Sends all statements, in the order in which they must run. Call it within a flight; COMMIT follows. */
  send(connection: Connection): readonly Promise<unknown>[] {
    const sent: Promise<unknown>[] = [];
    if (this.#expiredIds.length > 0) sent.push(connection.run(sql.EXPIRE_ATTEMPTS, [this.#now, this.#expiredIds]));
    for (const [bulk, rows] of this.#rows) sent.push(connection.run(bulk.statement, toArrays(bulk, rows as never[])));
    sent.push(...this.#sendHead(connection));
    return sent;
  }

  #sendHead(connection: Connection): readonly Promise<unknown>[] {
    const last = this.events.at(-1);
    if (last === undefined) return [connection.run(sql.PUT_RECORD_TIME, [this.#now])];
    const link = hashLink(
      this.#head.link,
      this.events.map(({ hash }) => hash),
    );
    const configPosition = this.events.findLast(({ userId }) => userId === null)?.position ?? this.#head.configPosition;
    return [
      connection.run(sql.INSERT_LINK, [last.position, link]),
      connection.run(sql.PUT_HEAD, [last.position, link, this.#now, configPosition]),
    ];
  }

  #add<R>(bulk: BulkStatement<R>, row: NoInfer<R>): void {
    const key = bulk as BulkStatement<never>;
    const rows = this.#rows.get(key);
    if (rows === undefined) this.#rows.set(key, [row]);
    else rows.push(row);
  }

  #addEvent(position: number, previousPosition: number | null, pending: PendingEvent): void {
    const { event, organizationId, userId, apiKeyId, sequence, via, requestId } = pending;
    const { type, time, actor } = event;
    const recordTime = this.#now;
    const { body, privateValues } = encodeBody(event, apiKeyId);
    const envelope = { position, previousPosition, organizationId, userId, sequence, recordTime, via, requestId };
    const hash = hashEvent({ ...envelope, type, time, actor }, body);
    this.#add(sql.INSERT_EVENTS, {
      position,
      previous_position: previousPosition,
      organization_id: organizationId,
      user_id: userId,
      sequence,
      type,
      time,
      record_time: recordTime,
      actor,
      via,
      request_id: requestId,
      body,
      hash,
    } as EventTable);
    if (privateValues !== null) {
      const row: EventPrivateTable = { position, personal: JSON.stringify(privateValues) };
      this.#add(sql.INSERT_PRIVATE, row);
    }
    this.events.push({ ...envelope, ...(apiKeyId === undefined ? {} : { apiKeyId }), hash, event });
  }

  #addRequest({ entry, context: { actor, request }, answer, answerUserId }: AcceptedCommand): void {
    if (request === undefined) return;
    const { scope, rpc, id, content } = request;
    this.#add(sql.PUT_REQUESTS, {
      actor,
      scope,
      rpc,
      request_id: id,
      content: Buffer.from(content),
      resource_id: entry.id,
      answer,
      user_id: answerUserId,
      position: entry.lastPosition ?? 0,
      time: this.#now,
    });
  }

  #addEntry(entry: Entry): void {
    const lastPosition = entry.lastPosition ?? 0;
    switch (entry.kind) {
      case "user":
        this.#addUser(entry, lastPosition);
        break;
      case "organization":
        if (entry.organization === undefined) break;
        this.#add(sql.PUT_ORGANIZATIONS, toOrganizationRow(entry.organization, lastPosition));
        break;
      case "apiKey":
        this.#addApiKey(entry, lastPosition);
        break;
      case "session":
        if (entry.session === undefined) break;
        if (entry.exists) this.#add(sql.UPDATE_SESSIONS, toSessionRow(entry.session, entry.tokenHash));
        else this.#add(sql.INSERT_SESSIONS, toSessionRow(entry.session, entry.tokenHash));
        break;
      case "policy":
        if (entry.policy !== undefined) this.#add(sql.PUT_POLICIES, toPolicyRow(entry.policy, lastPosition));
        break;
      case "counter":
        this.#addCounter(entry);
        break;
      case "attempt":
        this.#addAttempt(entry);
        break;
      case "personal":
        this.#addPersonal(entry);
        break;
      case "erasure": {
        const row = toErasureRow(entry);
        if (row !== undefined) this.#add(PUT_ERASURES, row);
        break;
      }
      case "instance":
        throw new Error("batch: no command changes the instance");
      case "lastingOwners":
      case "countedFactors":
      case "request":
        // No rows of their own: owners are API keys, factors have counters, and a request is written with its command.
        break;
      default:
        entry satisfies never;
    }
  }

  #addUser({ state, person, exists, isPersonChanged }: Entry<"user">, lastPosition: number): void {
    if (state === undefined) return;
    const row = toUserStateRow(state, lastPosition);
    if (exists) this.#add(sql.UPDATE_STATES, row);
    else this.#add(sql.INSERT_STATES, row);
    if (isPersonChanged) this.#add(sql.PUT_PROFILES, toUserProfileRow(state, person));
  }

  #addPersonal({ id, values }: Entry<"personal">): void {
    const position = Number(id);
    if (values === undefined) this.#add(DELETE_PRIVATE, { position });
    else this.#add(PUT_PRIVATE, { position, personal: JSON.stringify(values) });
  }

  #addApiKey({ id, key, exists, formerHashes }: Entry<"apiKey">, lastPosition: number): void {
    if (key === undefined) return;
    const row = toApiKeyRow(key, lastPosition);
    if (exists) this.#add(sql.UPDATE_API_KEYS, row);
    else this.#add(sql.INSERT_API_KEYS, row);
    for (const secretHash of formerHashes) {
      this.#add(sql.INSERT_FORMER_SECRETS, { secret_hash: secretHash, api_key_id: id });
    }
  }

  #addCounter(entry: Entry<"counter">): void {
    const { counter, stored, factor } = entry;
    const subject = toSubjectKey(entry.subject);
    // What lasts changes with failures. A shadow's row changes with each attempt, as it tells when that was.
    if (entry.shadowState !== undefined || !lastsTheSame(counter, stored)) {
      this.#add(sql.PUT_COUNTERS, toCounterRow(counter, { ...entry, subject }, this.#now));
    }
    if (counter.outstanding.length > 0) this.#add(sql.PUT_PLACES, toPlacesRow(counter, { subject, factor }));
    else if (stored.outstanding.length > 0) this.#add(sql.DELETE_PLACES, { subject, factor });
    this.#expiredIds.push(...entry.expiredIds);
  }

  #addAttempt({ attempt, exists }: Entry<"attempt">): void {
    if (attempt === undefined) return;
    if (exists) {
      this.#add(sql.UPDATE_ATTEMPTS, { id: attempt.id, outcome: attempt.outcome, settle_time: attempt.settleTime });
    } else {
      this.#add(sql.INSERT_ATTEMPTS, toAttemptRow(attempt));
    }
  }
}
