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

/** What a command that succeeds answers: the resource as the command left it, settled. */
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
 * What became of a command. `ok` means: on disk (or, for `validateOnly`, that it would have been accepted).
 * `written`: how many events the command added; 0 when it changed nothing or repeated an earlier request.
 * `event`: the command's own last event; absent when it changed nothing. A repeated request answers the first one's.
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
  /** Past this instant (milliseconds since the epoch, real time) a command that has not begun is dropped. */
  readonly deadlineTime?: number | undefined;
}
