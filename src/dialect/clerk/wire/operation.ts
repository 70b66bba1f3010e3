/** One operation of the API: who may call it, and what it is given. */
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

/** A call of an operation that its caller may make. */
export interface OperationCall {
  readonly operations: Operations;
  readonly actor: Actor;
  /** From the path; empty where it names no user. */
  readonly userId: string;
  /** From the path; empty where it names no session. */
  readonly sessionId: string;
  readonly query: URLSearchParams;
  /** The object in the body. */
  readonly readBody: () => Promise<JsonObject>;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
  /** Wait for it before a step that takes milliseconds. */
  takeTurn(): Promise<void> | undefined;
}

export interface Operation {
  /** As the original's specification has it. */
  readonly name: string;
  readonly permission: Permission;
  /** Returns what is sent, with 200: a value, or the bytes of a long JSON text that was made in parts. */
  readonly serve: (call: OperationCall) => Promise<JsonValue | Uint8Array>;
}

/** What cannot be an id names nobody; the store need not be asked. */
export function isId(text: string): boolean {
  try {
    assertId("id", text);
    return true;
  } catch {
    return false;
  }
}

/** The context of a change. The original knows one instance: a caller reaches every user that its key does. */
export function changeContext({ actor }: OperationCall): CommandContext {
  return contextOf({ actor, via: "clerk" }, actor.scope);
}

/** What every change of one user carries. */
export function ofUser(call: OperationCall, userId: string = call.userId) {
  return { userId, context: changeContext(call), reasonCode: "", note: "" };
}

/** Throws USER_NOT_FOUND. */
export async function readUser({ operations, actor }: OperationCall, userId: string): Promise<UserView> {
  const view = await operations.readUser(userId, actor.scope);
  return view ?? refuseUnknownUser(userId);
}
