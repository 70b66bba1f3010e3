/** Whether a call may go on, decided by its headers and its method alone, before the body is read. */
import type { Refusal } from "../domain/refusal.ts";
import { type Actor, permissionMissing } from "./actor.ts";
import type { Badge } from "./badge.ts";
import { RPC_PERMISSIONS } from "./permissions.ts";

/** What a handler knows of who is calling. */
export interface Admission {
  readonly actor: Actor;
}

export type AdmissionResult =
  | { readonly ok: true; readonly admission: Admission }
  | { readonly ok: false; readonly refusal: Refusal; readonly actor?: Actor };

/** Authenticates, then compares with the permission that the RPC (`package.Service/Method`) needs. */
export function admit(badge: Badge, rpc: string, authorization: string | null, remoteAddress: string): AdmissionResult {
  const authentication = badge.authenticate(authorization, remoteAddress);
  if (!authentication.ok) return authentication;
  const { actor } = authentication;
  const permission = RPC_PERMISSIONS[rpc];
  if (permission === undefined) throw new Error(`admission: no permission is stated for ${rpc}`);
  if (!actor.permissions.has(permission)) {
    return {
      ok: false,
      actor,
      refusal: permissionMissing(rpc.slice(rpc.indexOf("/") + 1), [permission]),
    };
  }
  return { ok: true, admission: { actor } };
}
