/** What may be asked of a user. Commands are plain data that structured cloning carries, so they may cross threads. */
import type { Cause } from "./restriction.ts";
import type { Attributes, Profile, ProfileField, State } from "./user.ts";

/** When a restriction ends. `default`: the organization's duration for a lock, never for a ban. */
export type Expiry =
  | { readonly kind: "default" }
  | { readonly kind: "never" }
  | { readonly kind: "at"; readonly time: number }
  | { readonly kind: "for"; readonly durationMs: number };

/** What to do when the restriction is already there. `restart` puts the new one in its place. */
export type IfAlready = "refuse" | "restart" | "succeed";

/** What every change carries. */
export interface CommandContext {
  /** Who asks, for example `key:018f…`. */
  readonly actor: string;
  /** The API key whose validity is checked once more in the transaction; absent for tokens and the service itself. */
  readonly keyId?: string;
  /** SHA-256 of the secret of that key by which the call came, lower-case hex: a rotation may end it meanwhile. */
  readonly secretHash?: string;
  /** When the credential ends, for one that is no key; checked in the transaction. Absent: never. */
  readonly credentialEndTime?: number;
  /** The wire or dialect it came by. */
  readonly via: string;
  /** Only users of this organization exist for the caller; `null`: the whole instance. */
  readonly scope: string | null;
  /** Absent: the request is not remembered. */
  readonly request?: RequestName & {
    /** The id as the caller sent it, where `id` is derived from it for one item of several. Absent: `id`. */
    readonly sentId?: string;
    /** SHA-256 of the rest of the request, with everything that authorization added to it. */
    readonly content: Uint8Array;
  };
  /** Check and answer what would be, store nothing. */
  readonly validateOnly: boolean;
}

/** What a remembered request is known by, beside its actor. */
export interface RequestName {
  /** `package.Service/Method`. */
  readonly rpc: string;
  /** The caller's own id for it. */
  readonly id: string;
  /** The organization that the credential is confined to, whatever the request names; empty: the whole instance. */
  readonly scope: string;
}

interface OfUser {
  readonly userId: string;
  readonly context: CommandContext;
  readonly expectedSequence?: number;
  /** Refused in every other state. Absent: all states are fine. */
  readonly onlyFrom?: readonly State[];
  readonly reasonCode: string;
  readonly note: string;
}

interface Impose extends OfUser {
  /** The id that the new restriction gets. */
  readonly restrictionId: string;
  readonly ifAlready: IfAlready;
}

interface Lift extends OfUser {
  readonly ifAlready: Exclude<IfAlready, "restart">;
  /** Attribute namespaces that what is lifted takes along, in the same transaction. Absent: none. */
  readonly clears?: readonly string[];
}

/** What a change sets, by names as in PersonChange. */
export interface PersonInput {
  readonly profile: Profile;
  readonly attributes: Attributes;
}

/** A restriction that an import brings along. */
export interface ImportedRestriction {
  readonly id: string;
  readonly kind: "LOCK" | "BAN" | "DEACTIVATION";
  readonly cause: Cause;
  readonly reasonCode: string;
  readonly note: string;
  /** Who imposed it in the other system; empty: the importer. */
  readonly actor: string;
  /** Absent: now. May lie in the past. */
  readonly startTime?: number;
  readonly expiry: Expiry;
}

export type CreateUser = Omit<OfUser, "expectedSequence" | "onlyFrom"> & {
  readonly type: "CreateUser";
  readonly organizationId: string;
} & PersonInput;

export type ImportUser = Pick<OfUser, "userId" | "context"> & {
  readonly type: "ImportUser";
  readonly organizationId: string;
  /** Absent: now. */
  readonly creationTime?: number;
  readonly restrictions: readonly ImportedRestriction[];
  readonly ifExists: "error" | "skip" | "update";
} & PersonInput;

export type UpdateUser = OfUser & {
  readonly type: "UpdateUser";
  /** Sets these; an absent one that `fields` or `namespaces` names is removed. */
  readonly profile: Profile;
  readonly attributes: Attributes;
  readonly fields: readonly (ProfileField | "emailVerified")[];
  /** Attribute namespaces to set or remove; `all`: those not given are removed. */
  readonly namespaces: readonly string[] | "all";
};

export type DeleteUser = OfUser & { readonly type: "DeleteUser" };
export type LockUser = Impose & {
  readonly type: "LockUser";
  readonly expiry: Expiry;
  /** Absent: now. */
  readonly startTime?: number;
  readonly revokeSessions: boolean;
};
export type UnlockUser = Lift & { readonly type: "UnlockUser" };
export type BanUser = Impose & { readonly type: "BanUser"; readonly expiry: Expiry; readonly startTime?: number };
export type UnbanUser = Lift & { readonly type: "UnbanUser" };
export type DeactivateUser = Impose & { readonly type: "DeactivateUser"; readonly cause: "ADMIN" | "DIRECTORY" };
export type ReactivateUser = Lift & { readonly type: "ReactivateUser"; readonly cause: "ADMIN" | "DIRECTORY" };

/** Ends every session by the epoch. */
export type RevokeUserSessions = OfUser & { readonly type: "RevokeUserSessions" };

/** Writes what is due and nothing else; the sweeper's command. */
export interface SettleUser {
  readonly type: "SettleUser";
  readonly userId: string;
  readonly context: CommandContext;
}

export type UserCommand =
  | CreateUser
  | ImportUser
  | UpdateUser
  | DeleteUser
  | LockUser
  | UnlockUser
  | BanUser
  | UnbanUser
  | DeactivateUser
  | ReactivateUser
  | RevokeUserSessions
  | SettleUser;
