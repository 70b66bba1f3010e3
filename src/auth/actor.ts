/** Who calls, and what the caller may do where. */
import type { Permission } from "./permissions.ts";

export interface Actor {
  /** Unique and stable, for example `key:018f2b0c…`; what the history shows. */
  readonly id: string;
  /** The API key, which every write checks once more in its transaction. */
  readonly keyId?: string;
  readonly permissions: ReadonlySet<Permission>;
  /** The organization that the caller is confined to; `null`: the whole instance. */
  readonly scope: string | null;
}
