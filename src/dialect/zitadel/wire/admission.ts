/** Decides before the body is read who may call which method in which organization. */
import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { auth_option } from "@zitadel/proto/zitadel/options_pb.js";
import { options as methodOptions } from "@zitadel/proto/zitadel/protoc_gen_zitadel/v2/options_pb.js";
import type { Admission } from "../../../service/call.ts";
import { noteRefusedActor } from "../../../service/call-fields.ts";
import {
  type Actor,
  DEFAULT_ORGANIZATION_ID,
  type Operations,
  type Permission,
  writeOrganization,
} from "../../../service/operations/operations.ts";
import type { Admit, CallHead } from "../../../transport/mount.ts";
import { byReason, ERRORS, type KnownError, mapError, toError } from "./error.ts";

/** What a handler knows about its caller. */
export interface CallerAdmission extends Admission {
  /** The organization context: where new things go, and, in management v1, where users are looked up. */
  readonly organizationId: string;
}

/** What a method requires of its caller. */
interface Asked {
  /** `undefined`: every authenticated caller. */
  readonly permission: Permission | undefined;
  /** Only for callers of the whole instance. */
  readonly ofInstance?: boolean;
}

/** ZITADEL's permissions → ours. */
const PERMISSIONS: ReadonlyMap<string, Asked> = new Map<string, Asked>([
  ["authenticated", { permission: undefined }],
  ["user.read", { permission: "user.read" }],
  ["user.global.read", { permission: "user.read" }],
  ["user.write", { permission: "user.write" }],
  ["user.delete", { permission: "user.delete" }],
  // Of an organization's own events too, as in our API; the list itself is bounded by the caller's scope.
  ["events.read", { permission: "events.read" }],
  ["policy.read", { permission: "policy.read" }],
  ["policy.write", { permission: "policy.write" }],
  ["policy.delete", { permission: "policy.delete" }],
  ["iam.policy.read", { permission: "policy.read", ofInstance: true }],
  ["iam.policy.write", { permission: "policy.write", ofInstance: true }],
]);

/** The actor of methods that need no credential. */
const ANYONE: CallerAdmission = {
  actor: { id: "anyone", permissions: new Set(), scope: null, expireTime: null },
  organizationId: DEFAULT_ORGANIZATION_ID,
};

/** Returns whether an admission has an authenticated caller. */
export function hasCaller(admission: CallerAdmission): boolean {
  return admission !== ANYONE;
}

/** Of one method: whether it needs a credential, and what it requires of the holder. */
interface Requirement extends Asked {
  readonly isPublic: boolean;
}

const CREDENTIAL_ONLY: Requirement = { isPublic: false, permission: undefined };

/** Admits callers to the methods that are served; for the others it only requires a credential. */
export function createAdmit(operations: Operations, served: readonly DescMethod[]): Admit<CallerAdmission> {
  const requirements = new Map(served.map((method) => [method, requirementOf(method)]));
  return async (head) => {
    const requirement = requirements.get(head.method) ?? CREDENTIAL_ONLY;
    if (requirement.isPublic) return ANYONE;
    try {
      return await admitActor(operations, await authenticate(operations, head), head, requirement);
    } catch (error) {
      throw mapError(error);
    }
  };
}

/** Throws if the descriptor requires an unknown permission: such a method must not be served. */
function requirementOf(method: DescMethod): Requirement {
  const named = hasOption(method, auth_option)
    ? getOption(method, auth_option).permission
    : getOption(method, methodOptions).authOption?.permission;
  if (named === undefined) return { isPublic: true, permission: undefined };
  const asked = PERMISSIONS.get(named);
  if (asked === undefined) throw new Error(`${method.name} asks for the permission ${named}, which is not known`);
  return { isPublic: false, ...asked };
}

async function authenticate(operations: Operations, { header, remoteAddress }: CallHead): Promise<Actor> {
  const authorization = header.get("authorization");
  try {
    return await operations.authenticate(authorization, remoteAddress);
  } catch (error) {
    const malformed = /^bearer /i.test(authorization ?? "") ? ERRORS.tokenInvalid : ERRORS.headerInvalid;
    const known = byReason<KnownError>(error, {
      CREDENTIAL_MISSING: authorization ? malformed : ERRORS.headerMissing,
      CREDENTIAL_INVALID: ERRORS.tokenInvalid,
    });
    throw known === undefined ? error : toError(known, error);
  }
}

async function admitActor(
  operations: Operations,
  actor: Actor,
  { header }: CallHead,
  { permission, ofInstance = false }: Asked,
): Promise<CallerAdmission> {
  const named = header.get("x-zitadel-orgid") ?? "";
  // If the method requires no permission, the command does, in the organization of the user.
  const organizationId = await contextOrganization(operations, actor, named, permission !== undefined);
  const isBeyond = ofInstance && actor.scope !== null;
  if (permission !== undefined && (isBeyond || !actor.permissions.has(permission))) {
    throw refuseActor(actor, ERRORS.methodNotPermitted);
  }
  return { actor, organizationId };
}

/**
 * Returns the organization of a request: the one it names, otherwise the caller's own, otherwise `default`.
 * `isMemberOnly`: a caller of one organization may not name another.
 */
export async function contextOrganization(
  operations: Operations,
  actor: Actor,
  named: string,
  isMemberOnly: boolean,
): Promise<string> {
  const own = writeOrganization(actor, "");
  if (named === "" || named === own) return own;
  if ((await operations.readOrganization(named, null)) === undefined) {
    throw refuseActor(actor, ERRORS.organizationMissing);
  }
  if (actor.scope === null) return named;
  if (isMemberOnly) throw refuseActor(actor, ERRORS.noMembership);
  return own;
}

/** Throws unless the caller has the permission in the organization of what the request names. */
export function assertPermitted(actor: Actor, permission: Permission, organizationId: string): void {
  if (actor.scope !== null && actor.scope !== organizationId) throw toError(ERRORS.noMembership);
  if (!actor.permissions.has(permission)) throw toError(ERRORS.userNotPermitted);
}

/** The log names who was refused. */
export function refuseActor(actor: Actor, known: KnownError): Error {
  const error = toError(known);
  noteRefusedActor(error, actor);
  return error;
}
