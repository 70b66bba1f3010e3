/** Commands that erase personal values: what they must know, and what a batch notes for the eraser. */
import type { DeleteUser, RedactEvent, UserCommand } from "../../domain/command.ts";
import type { ErasedState } from "../../domain/decision.ts";
import { EMPTY_PERSON } from "../../domain/user.ts";
import type { Command, ResourceOf } from "../commands.ts";
import { type Answer, type Entry, type Erasure, personalKey } from "./entries.ts";
import type { WorkingSet } from "./working-set.ts";

/** A command that erases personal values. */
export type ErasingCommand = RedactEvent | (DeleteUser & { readonly erase: true });

/** Returns whether a command erases personal values. */
export function isErasing(command: Command): command is ErasingCommand {
  return command.type === "RedactEvent" || (command.type === "DeleteUser" && command.erase === true);
}

/** Returns what of the user is erased already; `undefined`: the command does not ask. */
export function erasedBefore(set: WorkingSet, command: UserCommand): ErasedState | undefined {
  if (!isErasing(command)) return undefined;
  const { erasure } = set.get({ kind: "erasure", id: command.userId });
  const { values } = (command.type === "RedactEvent" && valuesOf(set, command)) || {};
  return { sequence: erasure?.sequence ?? 0, names: Object.keys(values ?? {}) };
}

/** Notes what an accepted command erases. `entry`: the user as the command has left it. */
export function noteErasure(set: WorkingSet, command: UserCommand, entry: Entry<"user">, now: number): void {
  if (!isErasing(command) || entry.state === undefined) return;
  const own = set.get({ kind: "erasure", id: command.userId });
  own.isChanged = true;
  const before: Erasure = own.erasure ?? { sequence: 0, epoch: 0, time: 0, nextPosition: null };
  if (command.type === "DeleteUser") {
    own.erasure = { ...before, sequence: entry.state.sequence, epoch: entry.state.epoch, time: now };
    own.walks = entry;
  } else {
    own.erasure = { ...before, time: now };
  }
}

/** Takes values away from one event. `names`: of those that it loses. */
export function redact(set: WorkingSet, command: RedactEvent, names: readonly string[]): void {
  const entry = valuesOf(set, command);
  if (entry === undefined) return;
  const left = Object.entries(entry.values ?? {}).filter(([name]) => !names.includes(name));
  entry.values = left.length === 0 ? undefined : Object.fromEntries(left);
  entry.isChanged = true;
}

function valuesOf(set: WorkingSet, { found }: RedactEvent): Entry<"personal"> | undefined {
  return found && set.get(personalKey(found.position));
}

/** Returns the user that an answer shows; `undefined`: it shows none. */
export function userShownBy(resource: ResourceOf<Command>): string | undefined {
  if ("state" in resource) return resource.state.id;
  if ("userId" in resource) return resource.userId;
  return "counterId" in resource ? resource.user.id : undefined;
}

/** Returns an answer without personal values: those of the user were erased after it was given. */
export function withoutPersonal({ resource, event }: Answer): Answer {
  const shown =
    "state" in resource ? { ...resource, state: withoutNotes(resource.state), person: EMPTY_PERSON } : resource;
  const bare = "userId" in shown ? { ...shown, ip: "", userAgent: "", attributes: {} } : shown;
  return event === undefined ? { resource: bare } : { resource: bare, event: { ...event, personal: {} } };
}

type NotedState = Extract<ResourceOf<Command>, { readonly state: unknown }>["state"];

function withoutNotes(state: NotedState): NotedState {
  return { ...state, restrictions: state.restrictions.map((restriction) => ({ ...restriction, note: "" })) };
}
