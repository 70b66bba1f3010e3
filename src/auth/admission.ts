/** Decides by headers and method alone, before the body is read, whether a call may go on. */
import type { Refusal } from "../domain/refusal.ts";
import { type Actor, permissionMissing } from "./actor.ts";
import type { Authentication } from "./api-key-cache.ts";
import { RPC_PERMISSIONS } from "./permissions.ts";
import type { RequestGate } from "./request-gate.ts";

/** What a handler knows about its caller. */
export interface Admission {
  readonly actor: Actor;
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
