/** A user in Clerk's form: every property is present, with explicit nulls and falses. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Restriction, RestrictionKind } from "../../../domain/restriction.ts";
import type { User } from "../../../domain/user.ts";
import type { Operations, UserView } from "../../../service/operations/operations.ts";
import { EMAIL, type IdentificationKind, identificationsOf, PHONE, toIdentificationJson } from "./identification.ts";
import { extrasOf, metadataOf } from "./user-attributes.ts";

/** Returns the complete user. Reads the attempts left too, which are stored apart from the user. */
export async function showUser({ operations }: { readonly operations: Operations }, view: UserView) {
  const { id, organizationId } = view.user.state;
  const signIn = await operations.checkSignIn({ userId: id, factor: "PASSWORD" }, organizationId);
  return toUserJson(view, signIn?.attemptsLeft ?? null);
}

/** `attemptsLeft`: attempts before the policy locks the user; `null`: it never does. */
function toUserJson({ user, now }: UserView, attemptsLeft: number | null): JsonObject {
  const { profile } = user.person;
  return {
    id: user.state.id,
    object: "user",
    username: profile.username ?? null,
    first_name: profile.givenName ?? null,
    last_name: profile.familyName ?? null,
    locale: profile.locale ?? null,
    external_id: profile.externalId ?? null,
    // Pictures are not stored.
    image_url: "",
    profile_image_url: "",
    has_image: false,
    ...identificationProperties(user),
    ...credentialProperties(user),
    ...settingProperties(user),
    ...restrictionProperties(user, now, attemptsLeft),
    created_at: user.state.creationTime,
    updated_at: user.state.changeTime,
    // Attempts and sessions are stored apart from users, and not permanently.
    last_sign_in_at: null,
    last_active_at: null,
  };
}

function identificationProperties(user: User): JsonObject {
  const of = (kind: IdentificationKind): JsonObject => {
    const all = identificationsOf(user, kind);
    return {
      [kind.primaryParam]: all.find(({ primary }) => primary)?.id ?? null,
      [kind.list]: all.map((each) => toIdentificationJson(each, kind, user.state.creationTime)),
    };
  };
  return {
    ...of(EMAIL),
    ...of(PHONE),
    primary_web3_wallet_id: null,
    web3_wallets: [],
    passkeys: [],
    external_accounts: [],
    saml_accounts: [],
    enterprise_accounts: [],
    organization_memberships: [],
  };
}

function credentialProperties(user: User): JsonObject {
  const extras = extrasOf(user);
  const { creationTime } = user.state;
  const isMfaEnabled = extras.totp_enabled || extras.backup_code_enabled;
  return {
    password_enabled: extras.password_enabled,
    password_last_updated_at: extras.password_enabled ? (extras.password_last_updated_at ?? creationTime) : null,
    two_factor_enabled: extras.totp_enabled,
    totp_enabled: extras.totp_enabled,
    backup_code_enabled: extras.backup_code_enabled,
    mfa_enabled_at: isMfaEnabled ? (extras.mfa_enabled_at ?? creationTime) : null,
    mfa_disabled_at: null,
    bypass_client_trust: extras.bypass_client_trust,
  };
}

function settingProperties(user: User): JsonObject {
  const extras = extrasOf(user);
  return {
    timezone: extras.timezone,
    public_metadata: metadataOf(user, "public_metadata"),
    private_metadata: metadataOf(user, "private_metadata"),
    unsafe_metadata: metadataOf(user, "unsafe_metadata"),
    delete_self_enabled: extras.delete_self_enabled,
    create_organization_enabled: extras.create_organization_enabled,
    create_organizations_limit: extras.create_organizations_limit,
    legal_accepted_at: extras.legal_accepted_at,
    scim: null,
  };
}

/** The flags are independent of each other and of the state: a banned user may also be locked. */
function restrictionProperties({ state }: User, now: number, attemptsLeft: number | null): JsonObject {
  const holding = (kind: RestrictionKind): readonly Restriction[] =>
    state.restrictions.filter((restriction) => restriction.kind === kind && restriction.started);
  const locks = holding("LOCK");
  return {
    banned: holding("BAN").length > 0,
    locked: locks.length > 0,
    deprovisioned: holding("DEACTIVATION").some(({ cause }) => cause === "DIRECTORY"),
    lockout_expires_in_seconds: secondsUntilUnlocked(locks, now),
    // A lock clears the failures that caused it: only later ones count.
    verification_attempts_remaining:
      attemptsLeft !== null && locks.some(({ cause }) => cause === "POLICY") ? 0 : attemptsLeft,
  };
}

/**
 * Seconds until the last lock ends, rounded up: an active lock has at least one second left. `null`: not locked, or
 * permanent.
 */
export function secondsUntilUnlocked(locks: readonly Restriction[], now: number): number | null {
  let latest: number | null = null;
  for (const { expireTime } of locks) {
    if (expireTime === null) return null;
    latest = Math.max(latest ?? 0, expireTime);
  }
  return latest === null ? null : Math.max(1, Math.ceil((latest - now) / 1000));
}
