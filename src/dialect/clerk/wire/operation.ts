/** One operation of the API: who may call it, and what it receives. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { CommandContext } from "../../../domain/command.ts";
import { assertId } from "../../../service/identity.ts";
import {
  type Actor,
  contextOf,
  type Operations,
  type Permission,
  refuseUnknownUser,
  type UserView,
} from "../../../service/operations/operations.ts";

/** An authorized call of an operation. */
export interface OperationCall {
  readonly operations: Operations;
  readonly actor: Actor;
  /** From the path; empty if the path names no user. */
  readonly userId: string;
  /** From the path; empty if the path names no session. */
  readonly sessionId: string;
  readonly query: URLSearchParams;
  /** Returns the JSON object in the body. */
  readonly readBody: () => Promise<JsonObject>;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
  /** Await before a step that takes milliseconds. */
  takeTurn(): Promise<void> | undefined;
}

export interface Operation {
  /** The name in Clerk's specification. */
  readonly name: string;
  readonly permission: Permission;
  /** Returns what is sent with 200: a value, or the bytes of a long JSON text made in parts. */
  readonly serve: (call: OperationCall) => Promise<JsonValue | Uint8Array>;
}

/** Returns whether a text can be an id; if not, the store need not be asked. */
export function isId(text: string): boolean {
  try {
    assertId("id", text);
    return true;
  } catch {
    return false;
  }
}

/** Returns the context of a change. Clerk has one instance: a caller reaches every user that its key reaches. */
export function changeContext({ actor }: OperationCall): CommandContext {
  return contextOf({ actor, via: "clerk" }, actor.scope);
}

/** Returns what every change of one user carries. */
export function ofUser(call: OperationCall, userId: string = call.userId) {
  return { userId, context: changeContext(call), reasonCode: "", note: "" };
}

/** Returns the user. Throws USER_NOT_FOUND. */
export async function readUser({ operations, actor }: OperationCall, userId: string): Promise<UserView> {
  const view = await operations.readUser(userId, actor.scope);
  return view ?? refuseUnknownUser(userId);
}
