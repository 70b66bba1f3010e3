/** Who calls, and what the caller may do where. */
import type { CommandContext } from "../domain/command.ts";
import { type Refusal, refuse, shown } from "../domain/refusal.ts";
import type { Permission } from "./permissions.ts";

export interface Actor {
  /** Unique and stable, for example `key:018f2b0c…`; what the history shows. */
  readonly id: string;
  /** The API key, which every write checks once more in its transaction. */
  readonly keyId?: string;
  /** SHA-256 of the secret of that key that the call shows, lower-case hex. */
  readonly secretHash?: string;
  readonly permissions: ReadonlySet<Permission>;
  /** The organization that the caller is confined to; `null`: the whole instance. */
  readonly scope: string | null;
  /** When the credential ends; `null`: never. API keys that the caller makes may not outlive it. */
  readonly expireTime: number | null;
}

/** What a command carries of its caller's credential, to be checked once more when it is decided. */
export function credentialOf(actor: Actor): Pick<CommandContext, "keyId" | "secretHash" | "credentialEndTime"> {
  const { keyId, secretHash } = actor;
  if (keyId !== undefined) return { keyId, ...(secretHash === undefined ? {} : { secretHash }) };
  return actor.expireTime === null ? {} : { credentialEndTime: actor.expireTime };
}

/** What is asked for (`what`, the beginning of a sentence) needs permissions that the credential lacks. */
export function permissionMissing(what: string, lacking: readonly Permission[]): Refusal {
  return refuse(
    "PERMISSION_MISSING",
    `${what} needs the permission ${lacking.join(" and ")}, which this credential lacks`,
    {
      metadata: { permission: lacking.join(",") },
    },
  );
}

/** What is asked for lies outside the organization that the credential is confined to. */
export function scopeExceeded(what: string, scope: string): Refusal {
  return refuse("SCOPE_EXCEEDED", `${what}; this credential is confined to ${shown(scope)}`, { metadata: { scope } });
}
