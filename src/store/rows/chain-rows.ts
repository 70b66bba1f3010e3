/** Rows of the log as its verification takes them. */
import type { ChainEvent, ChainLink } from "../log/verify-chain.ts";
import type { EventRow } from "./rows.ts";
import type { LinkTable } from "./schema.ts";

export function toChainEvent(row: EventRow): ChainEvent {
  return {
    position: row.position,
    previousPosition: row.previous_position,
    organizationId: row.organization_id,
    userId: row.user_id,
    sequence: row.sequence,
    type: row.type,
    time: row.time,
    recordTime: row.record_time,
    actor: row.actor,
    via: row.via,
    requestId: row.request_id,
    body: row.body,
    hash: row.hash,
    personal: row.personal,
  };
}

export function toChainLink({ last_position: position, link }: LinkTable): ChainLink {
  return { position, link };
}
