/** One operation of the API: who may call it, and what it receives. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import {
  type Actor,
  type Caller,
  type Operations,
  type Permission,
  refuseUnknownUser,
  type UserView,
} from "../../../service/operations/operations.ts";

/** An authorized call of an operation. */
export interface OperationCall extends Caller {
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

/** Returns what every change of one user carries. Clerk has one instance: a caller reaches every user that its key reaches. */
export function ofUser(call: OperationCall, userId: string = call.userId) {
  return { userId, reasonCode: "", note: "" };
}

/** Returns the user. Throws USER_NOT_FOUND. */
export async function readUser({ operations, actor }: OperationCall, userId: string): Promise<UserView> {
  const view = await operations.readUser(userId, actor);
  return view ?? refuseUnknownUser(userId);
}
