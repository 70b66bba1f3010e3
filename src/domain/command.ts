/** Commands on users. Commands are plain data that can be cloned, so they may cross threads. */
import type { Cause } from "./restriction.ts";
import type { Attributes, Profile, ProfileField, State } from "./user.ts";

/** When a restriction ends. `default`: the organization's duration for a lock, never for a ban. */
export type Expiry =
  | { readonly kind: "default" }
  | { readonly kind: "never" }
  | { readonly kind: "at"; readonly time: number }
  | { readonly kind: "for"; readonly durationMs: number };

/** What to do when the restriction exists already. `restart` replaces it. */
export type IfAlready = "refuse" | "restart" | "succeed";

/** What every change carries. */
export interface CommandContext {
  /** The actor, for example `key:018f…`. */
  readonly actor: string;
  /** The API key, which the transaction checks again; absent for tokens and the service itself. */
  readonly keyId?: string;
  /** SHA-256 of the key's secret that the call shows, lower-case hex: a rotation may end it in the meantime. */
  readonly secretHash?: string;
  /** When a credential that is not a key ends; the transaction checks it. Absent: never. */
  readonly credentialEndTime?: number;
  /** The wire or dialect of the call. */
  readonly via: string;
  /** Only users of this organization exist for the caller; `null`: the whole instance. */
  readonly scope: string | null;
  /** Absent: the request is not remembered. */
  readonly request?: RequestName & {
    /** The id as the caller sent it, if `id` is derived from it for one of several items. Absent: `id`. */
    readonly sentId?: string;
    /** SHA-256 of the rest of the request, including everything that authorization added. */
    readonly content: Uint8Array;
  };
  /** Check the command and return what would result; store nothing. */
  readonly validateOnly: boolean;
}

/** The key of a remembered request, together with its actor. */
export interface RequestName {
  /** `package.Service/Method`. */
  readonly rpc: string;
  /** The caller's id for the request. */
  readonly id: string;
  /** The organization that the credential is limited to, whatever the request names; empty: the whole instance. */
  readonly scope: string;
}

interface OfUser {
  readonly userId: string;
  readonly context: CommandContext;
  readonly expectedSequence?: number;
  /** The command is refused in every other state. Absent: all states are allowed. */
  readonly onlyFrom?: readonly State[];
  readonly reasonCode: string;
  readonly note: string;
}

interface Impose extends OfUser {
  /** The id of the new restriction. */
  readonly restrictionId: string;
  readonly ifAlready: IfAlready;
}

interface Lift extends OfUser {
  readonly ifAlready: Exclude<IfAlready, "restart">;
  /** Attribute namespaces to remove together with the restriction, in the same transaction. Absent: none. */
  readonly clears?: readonly string[];
}

/** The values that a change sets; names as in PersonChange. */
export interface PersonInput {
  readonly profile: Profile;
  readonly attributes: Attributes;
}

/** A restriction of an imported user. */
export interface ImportedRestriction {
  readonly id: string;
  readonly kind: "LOCK" | "BAN" | "DEACTIVATION";
  readonly cause: Cause;
  readonly reasonCode: string;
  readonly note: string;
  /** Who imposed it in the source system; empty: the importer. */
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
  /** The new values; a field or namespace that is named but absent is removed. */
  readonly profile: Profile;
  readonly attributes: Attributes;
  readonly fields: readonly (ProfileField | "emailVerified")[];
  /** Attribute namespaces to set or remove; `all`: namespaces that are not given are removed. */
  readonly namespaces: readonly string[] | "all";
};

export type DeleteUser = OfUser & {
  readonly type: "DeleteUser";
  /** Also erase every personal value of the user; a user that is deleted already may be erased. Absent: false. */
  readonly erase?: boolean;
};

/** Erases personal values of one event of the user, who may be deleted. */
export type RedactEvent = OfUser & {
  readonly type: "RedactEvent";
  readonly eventSequence: number;
  /** The names of the values; empty: all that the event was recorded with. */
  readonly fields: readonly string[];
  /** The event as it was found before; absent: there is none. */
  readonly found?: FoundEvent;
};

/** What must be known of an event to redact it. */
export interface FoundEvent {
  /** The sequence of the user when this was found: it holds only while the user stays there. */
  readonly knownSequence: number;
  readonly position: number;
  /** The names of the personal values that it was recorded with, erased or not, sorted. */
  readonly names: readonly string[];
  /** The restriction that its `note` belongs to; absent: none. */
  readonly restrictionId?: string;
  /** The names of PersonChange that later events have set or cleared: the user's own values are not from this one. */
  readonly laterNames: readonly string[];
}
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

/** Ends every session of the user through the epoch. */
export type RevokeUserSessions = OfUser & { readonly type: "RevokeUserSessions" };

/** Writes only what is due; the sweeper's command. */
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
  | RedactEvent
  | LockUser
  | UnlockUser
  | BanUser
  | UnbanUser
  | DeactivateUser
  | ReactivateUser
  | RevokeUserSessions
  | SettleUser;
