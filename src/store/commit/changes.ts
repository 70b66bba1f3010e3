/** What the commands of a batch come to, and what an engine writes of them. */
import type { CommandContext } from "../../domain/command.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { Command, DomainEvent, ResourceOf } from "../commands.ts";
import type { Entry } from "./entries.ts";

/** An event that has no position yet. */
export interface PendingEvent {
  readonly event: DomainEvent;
  readonly organizationId: string | null;
  readonly userId: string | null;
  readonly apiKeyId: string | undefined;
  readonly sequence: number;
  readonly via: string;
  readonly requestId: string;
}

/** A command that succeeded and leaves something: events, a row without events, or a remembered request. */
export interface AcceptedCommand {
  /** The resource of the command: its events are linked to it, and a remembered request points to it. */
  readonly entry: Entry;
  readonly events: readonly PendingEvent[];
  readonly context: CommandContext;
  /** The answer as JSON, kept with the request when rebuilding it later would take long; else `null`. */
  readonly answer: string | null;
  /** The user that the answer shows; `null`: none. */
  readonly answerUserId: string | null;
}

/** All that one batch changed, to be written in one transaction. */
export interface Changes {
  /** In the order in which the commands ran. */
  readonly accepted: readonly AcceptedCommand[];
  /** The resources to write, each once. Read them after the events have their positions. */
  readonly entries: Iterable<Entry>;
}

/** What one command comes to, before it is known whether it is kept. */
export type Decided = { readonly ok: false; readonly refusal: Refusal } | Success;

export interface Success {
  readonly ok: true;
  readonly entry: Entry;
  readonly events: readonly PendingEvent[];
  readonly resource: ResourceOf<Command>;
  /** The command's own last event, if it has one. */
  readonly own: { readonly event?: DomainEvent };
  /** Whether the row must be written although there is no event. */
  readonly isRowChanged?: boolean;
  /** Makes later commands of the batch see the change. */
  readonly apply: () => void;
}

/** Returns the last of a command's own events as `own`. */
export function lastOf(events: readonly DomainEvent[]): Success["own"] {
  const event = events.at(-1);
  return event === undefined ? {} : { event };
}
