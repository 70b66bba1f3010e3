/** The caller: who it is, and what it may do where. */
import type { CommandContext } from "../domain/command.ts";
import { type Refusal, refuse, shown } from "../domain/refusal.ts";
import type { Permission } from "./permissions.ts";

export interface Actor {
  /** Unique and stable, for example `key:018f2b0c…`; shown in the history. */
  readonly id: string;
  /** The API key; every write checks it again in its transaction. */
  readonly keyId?: string;
  /** SHA-256 of the secret that the call carries, in lower-case hex. */
  readonly secretHash?: string;
  readonly permissions: ReadonlySet<Permission>;
  /** The organization to which the caller is confined; `null`: the whole instance. */
  readonly scope: string | null;
  /** When the credential expires; `null`: never. API keys that the caller creates may not outlive it. */
  readonly expireTime: number | null;
}

/** Returns the part of the credential that a command carries: it is checked again when the command is decided. */
export function credentialOf(actor: Actor): Pick<CommandContext, "keyId" | "secretHash" | "credentialEndTime"> {
  const { keyId, secretHash } = actor;
  if (keyId !== undefined) return { keyId, ...(secretHash === undefined ? {} : { secretHash }) };
  return actor.expireTime === null ? {} : { credentialEndTime: actor.expireTime };
}

/** Returns PERMISSION_MISSING. `what` begins the sentence: the act that needs the permissions. */
export function permissionMissing(what: string, lacking: readonly Permission[]): Refusal {
  return refuse(
    "PERMISSION_MISSING",
    `${what} needs the permission ${lacking.join(" and ")}, which this credential lacks`,
    {
      metadata: { permission: lacking.join(",") },
    },
  );
}

/** Returns SCOPE_EXCEEDED. `what` begins the sentence: the act outside the caller's organization. */
export function scopeExceeded(what: string, scope: string): Refusal {
  return refuse("SCOPE_EXCEEDED", `${what}; this credential is confined to ${shown(scope)}`, { metadata: { scope } });
}
