/** Decides by headers and method alone whether a call may go on, and before its answer whether it still may. */
import { credentialInvalid } from "../domain/api-key.ts";
import type { Refusal } from "../domain/refusal.ts";
import { type Actor, permissionMissing } from "./actor.ts";
import type { Authentication } from "./api-key-cache.ts";
import { RPC_PERMISSIONS } from "./permissions.ts";
import type { RequestGate } from "./request-gate.ts";

/** What a handler knows about its caller. Each call has one of its own. */
export interface Admission {
  readonly actor: Actor;
  /** Whether the call sent a command: the transaction of the command decides about the credential then. */
  sendsCommand?: true;
}

export type AdmissionResult =
  | { readonly ok: true; readonly admission: Admission }
  | { readonly ok: false; readonly refusal: Refusal; readonly actor?: Actor };

/** Authenticates, then checks the permission that the RPC (`package.Service/Method`) needs. Synchronous for keys. */
export function admit(
  gate: Pick<RequestGate, "authenticate">,
  rpc: string,
  authorization: string | null,
  remoteAddress: string,
): AdmissionResult | Promise<AdmissionResult> {
  const authentication = gate.authenticate(authorization, remoteAddress);
  return authentication instanceof Promise
    ? authentication.then((each) => compare(each, rpc))
    : compare(authentication, rpc);
}

/**
 * Returns CREDENTIAL_INVALID if the credential of an admitted call is no longer valid; `undefined`: it is valid, or a
 * command of the call decides about it. Ask after the last read of a call and before its answer: what was read may be
 * newer than what was known of the credential at admission.
 */
export function recheck(
  gate: Pick<RequestGate, "stillOpens">,
  { actor, sendsCommand }: Admission,
): Refusal | undefined {
  return sendsCommand || gate.stillOpens(actor) ? undefined : credentialInvalid();
}

function compare(authentication: Authentication, rpc: string): AdmissionResult {
  if (!authentication.ok) return authentication;
  const { actor } = authentication;
  const permission = RPC_PERMISSIONS[rpc];
  if (permission === undefined) throw new Error(`admission: no permission is stated for ${rpc}`);
  if (permission !== null && !actor.permissions.has(permission)) {
    return {
      ok: false,
      actor,
      refusal: permissionMissing(rpc.slice(rpc.indexOf("/") + 1), [permission]),
    };
  }
  return { ok: true, admission: { actor } };
}
