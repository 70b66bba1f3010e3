/** Loads what a batch touches, by key, on the writer's connection. */
import { withoutPersonal } from "../../commit/batch-erasures.ts";
import type { Answer, EntryKey, Stored } from "../../commit/entries.ts";
import type { Loaders } from "../../commit/working-set.ts";
import type { PrivateValues } from "../../log/event-encoding.ts";
import { toAttempt, toCounter, toShadowState, toStoredPolicy } from "../../rows/attempt-rows.ts";
import { toErasure } from "../../rows/erasure-rows.ts";
import { toApiKey, toOrganization, toRecordedEvent, toSession } from "../../rows/rows.ts";
import { toSubjectKey } from "../../rows/subject-key.ts";
import type { HotStatements } from "./hot-statements.ts";
import { readAnswer, readUserRows } from "./read-answer.ts";

/** Returns the loaders of the writer's working sets. */
export function entryLoaders(statements: HotStatements): Loaders {
  return {
    instance: () => {
      const row = statements.readInstance.get();
      if (row === undefined) throw new Error("the database has no instance: the row of the table is missing");
      const { generation, sequence, change_time: changeTime, last_position: lastPosition } = row;
      return { instance: { generation, sequence, changeTime }, lastPosition };
    },
    user: ({ id }) => {
      const rows = readUserRows(statements, id);
      return rows && { ...rows.user, lastPosition: rows.lastPosition };
    },
    organization: ({ id }) => {
      const row = statements.readOrganization.get(id);
      return row && { organization: toOrganization(row), lastPosition: row.last_position };
    },
    apiKey: ({ id }) => {
      const row = statements.readApiKey.get(id);
      return row && { key: toApiKey(row), lastPosition: row.last_position };
    },
    lastingOwners: () => ({ ids: statements.readLastingOwners.all() }),
    session: ({ id }) => {
      const row = statements.readSession.get(id);
      return row && { session: toSession(row), tokenHash: row.token_hash };
    },
    policy: ({ id }) => {
      const row = statements.readPolicy.get(id);
      return row && { policy: toStoredPolicy(row), lastPosition: row.last_position };
    },
    counter: ({ subject, factor }) => {
      const key = toSubjectKey(subject);
      const row = statements.readCounter.get(key, factor);
      const places = statements.readPlaces.get(key, factor);
      if (row === undefined && places === undefined) return undefined;
      const counter = toCounter(row, places);
      return { counter, stored: counter, shadowState: row && toShadowState(row) };
    },
    countedFactors: ({ id }) => ({ factors: statements.readFactors.all(id) }),
    attempt: ({ id }) => {
      const row = statements.readAttempt.get(id);
      return row && { attempt: toAttempt(row) };
    },
    request: (key) => loadRequest(statements, key),
    personal: ({ id }) => {
      const personal = statements.readPrivate.get(id);
      return personal === undefined ? undefined : { values: JSON.parse(personal) as PrivateValues };
    },
    erasure: ({ id }) => {
      const row = statements.readErasure.get(id);
      return row && { erasure: toErasure(row) };
    },
  };
}

function loadRequest(statements: HotStatements, key: EntryKey<"request">): Stored<"request"> | undefined {
  const { actor, name } = key;
  const row = statements.findRequest.get(actor, name.scope, name.rpc, name.id);
  if (row === undefined) return undefined;
  const { content, time } = row;
  const answer = (): Answer => {
    const resource =
      row.answer === null
        ? readAnswer(statements, key.of, row.resource_id, row.position)
        : (JSON.parse(row.answer) as Answer["resource"]);
    const last = statements.readEvent.get(row.position);
    // A request that wrote nothing points to an event that is not its own.
    const isOwn = last?.request_id === name.id && last.actor === actor && last.record_time === time;
    const given = isOwn ? { resource, event: toRecordedEvent(last).event } : { resource };
    return row.is_shown === 1 ? given : withoutPersonal(given);
  };
  return { request: { content, time, answer } };
}
