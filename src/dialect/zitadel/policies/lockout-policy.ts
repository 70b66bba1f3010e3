/** Lockout policies: how many failed passwords and one-time codes lock a user, in an organization or by default. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { LockoutPolicySchema } from "@zitadel/proto/zitadel/policy_pb.js";
import type { StoredPolicy } from "../../../domain/policy.ts";
import {
  INSTANCE_POLICY_ID,
  type Operations,
  type PolicyChange,
  retryOvertaken,
} from "../../../service/operations/operations.ts";
import { type DetailsInit, resourceDetails } from "../users/user-message.ts";
import { invalidArgument, type KnownError, toError } from "../wire/error.ts";
import type { ZitadelCall } from "../wire/handler.ts";

/** The largest number of failures that a policy may allow. */
const ATTEMPTS_MAX = 100;

/** The failures that lock a user; 0: never. */
export interface Lockout {
  readonly passwordMax: number;
  readonly otpMax: number;
  /** The organization has no policy of its own. */
  readonly isDefault: boolean;
  /** Only the owner, while nobody has set anything. */
  readonly details: DetailsInit | Pick<DetailsInit, "resourceOwner">;
}

/** Returns the policy in force in an organization, or the default (INSTANCE_POLICY_ID). */
export async function readLockout(operations: Operations, policyId: string): Promise<Lockout> {
  const own = await operations.readPolicy(policyId);
  const isDefault = policyId === INSTANCE_POLICY_ID || !isCustom(own.stored);
  const { stored, effective } = isDefault ? await operations.readPolicy(INSTANCE_POLICY_ID) : own;
  const { PASSWORD: passwordMax, OTP: otpMax } = effective.attemptsMax;
  return { passwordMax, otpMax, isDefault, details: detailsOf(stored) };
}

/** An organization's policy is custom if it sets either of the two values. */
function isCustom(stored: StoredPolicy | undefined): boolean {
  const { PASSWORD, OTP } = stored?.values.attemptsMax ?? {};
  return PASSWORD !== undefined || OTP !== undefined;
}

function detailsOf(stored: StoredPolicy | undefined): Lockout["details"] {
  if (stored === undefined) return { resourceOwner: INSTANCE_POLICY_ID };
  return resourceDetails({ ...stored, organizationId: stored.id });
}

/** Returns a policy in the form of management v1 and admin v1. */
export function toLockoutPolicy(lockout: Lockout): MessageInitShape<typeof LockoutPolicySchema> {
  const { passwordMax, otpMax, isDefault, details } = lockout;
  return { maxPasswordAttempts: BigInt(passwordMax), maxOtpAttempts: BigInt(otpMax), isDefault, details };
}

/** The errors of one act: the organization has no policy of its own, it already has one, or nothing would change. */
interface ActErrors {
  readonly missing?: KnownError;
  readonly existing?: KnownError;
  readonly unchanged?: KnownError;
}

const NOT_FOUND = "Errors.Org.LockoutPolicy.NotFound";

const ACT_ERRORS = {
  add: {
    existing: { code: Code.AlreadyExists, id: "ORG-0olDf", text: "Errors.ORG.LockoutPolicy.AlreadyExists" },
  },
  update: {
    missing: { code: Code.NotFound, id: "ORG-ADfs1", text: NOT_FOUND },
    unchanged: { code: Code.FailedPrecondition, id: "ORG-0JFSr", text: "Errors.Org.LockoutPolicy.NotChanged" },
  },
  reset: { missing: { code: Code.NotFound, id: "ORG-D4zuz", text: NOT_FOUND } },
  updateDefault: {
    unchanged: {
      code: Code.FailedPrecondition,
      id: "INSTANCE-0psjF",
      text: "Errors.Instance.LockoutPolicy.NotChanged",
    },
  },
} as const satisfies Readonly<Record<string, ActErrors>>;

export type LockoutAct = keyof typeof ACT_ERRORS;

/** The values of a request. */
interface LimitsRequest {
  readonly $typeName: string;
  readonly maxPasswordAttempts: number;
  readonly maxOtpAttempts: number;
}

/** Changes the policy of the organization context, or the default. `request`: the values; absent: removes them. */
export async function changeLockout(
  operations: Operations,
  act: LockoutAct,
  request: LimitsRequest | undefined,
  call: ZitadelCall,
): Promise<Lockout["details"]> {
  const policyId = act === "updateDefault" ? INSTANCE_POLICY_ID : call.admission.organizationId;
  if (request !== undefined) assertLimits(request);
  return retryOvertaken(async () => {
    const { stored } = await operations.readPolicy(policyId);
    await assertAllowed(operations, act, request, policyId);
    const changed = await operations.changePolicy(changeOf(request, policyId, stored), call);
    return detailsOf(changed.stored);
  });
}

function assertLimits({ $typeName, maxPasswordAttempts, maxOtpAttempts }: LimitsRequest): void {
  const limits = { MaxPasswordAttempts: maxPasswordAttempts, MaxOtpAttempts: maxOtpAttempts };
  for (const [field, value] of Object.entries(limits)) {
    if (value <= ATTEMPTS_MAX) continue;
    const message = $typeName.slice($typeName.lastIndexOf(".") + 1);
    throw invalidArgument(`invalid ${message}.${field}: value must be less than or equal to ${ATTEMPTS_MAX}`);
  }
}

async function assertAllowed(
  operations: Operations,
  act: LockoutAct,
  request: LimitsRequest | undefined,
  policyId: string,
): Promise<void> {
  const { missing, existing, unchanged }: ActErrors = ACT_ERRORS[act];
  const { passwordMax, otpMax, isDefault } = await readLockout(operations, policyId);
  if (isDefault && missing !== undefined) throw toError(missing);
  if (!isDefault && existing !== undefined) throw toError(existing);
  if (unchanged === undefined || request === undefined) return;
  if (request.maxPasswordAttempts === passwordMax && request.maxOtpAttempts === otpMax) throw toError(unchanged);
}

function changeOf(
  request: LimitsRequest | undefined,
  policyId: string,
  stored: StoredPolicy | undefined,
): PolicyChange {
  return {
    type: "UpdatePolicy",
    policyId,
    values:
      request === undefined
        ? {}
        : { attemptsMax: { PASSWORD: request.maxPasswordAttempts, OTP: request.maxOtpAttempts } },
    cleared: request === undefined ? ["attemptsMax.PASSWORD", "attemptsMax.OTP"] : [],
    expectedSequence: stored?.sequence ?? 0,
  };
}
