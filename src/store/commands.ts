/** What is written: commands, the events they cause, and their outcomes. */
import type { ApiKey, ApiKeyCommand, ApiKeyEvent } from "../domain/api-key.ts";
import type { AttemptAnswer, AttemptCommand } from "../domain/attempt.ts";
import type { UserCommand } from "../domain/command.ts";
import type { UserEvent } from "../domain/event.ts";
import type { InstanceEvent } from "../domain/instance.ts";
import type { Organization, OrganizationCommand, OrganizationEvent } from "../domain/organization.ts";
import type { PolicyCommand, PolicyEvent, StoredPolicy } from "../domain/policy.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { Session, SessionCommand } from "../domain/session.ts";
import type { User } from "../domain/user.ts";

export type Command =
  | UserCommand
  | OrganizationCommand
  | ApiKeyCommand
  | SessionCommand
  | PolicyCommand
  | AttemptCommand;

export type DomainEvent = UserEvent | OrganizationEvent | ApiKeyEvent | PolicyEvent | InstanceEvent;

/** The resource that a successful command returns: settled, as the command left it. */
export type ResourceOf<C extends Command> = C extends UserCommand
  ? User
  : C extends OrganizationCommand
    ? Organization
    : C extends SessionCommand
      ? Session
      : C extends PolicyCommand
        ? StoredPolicy
        : C extends AttemptCommand
          ? AttemptAnswer
          : ApiKey;

/**
 * The outcome of a command. `ok` means on disk, or for `validateOnly` that the command would be accepted. `written`:
 * the number of events that it added; 0 when it changed nothing or repeated an earlier request. `event`: its own last
 * event; absent when it changed nothing. A repeated request returns the event of the first one.
 */
export type Outcome<C extends Command = Command> =
  | {
      readonly ok: true;
      readonly resource: ResourceOf<C>;
      readonly event?: DomainEvent;
      readonly written: number;
      readonly replayed: boolean;
    }
  | { readonly ok: false; readonly refusal: Refusal };

/** Interactive commands go first; import, bulk and the sweeper get at most a quarter of a batch meanwhile. */
export type Lane = "interactive" | "bulk";

export interface ExecuteOptions {
  readonly lane?: Lane;
  /** A command that has not begun by then is dropped. Milliseconds since the epoch, real time. */
  readonly deadlineTime?: number | undefined;
}
