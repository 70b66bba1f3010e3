/** A dialect as the wiring sees it: a foreign API over our own operations, loaded only when it is enabled. */
import type { Admission } from "../service/call.ts";
import type { Operations } from "../service/operations/operations.ts";
import type { Mounts } from "../transport/mount.ts";

export interface Dialect {
  /** As `--dialects` names it. */
  readonly name: string;
  /** Whether a request path is served by this dialect; asked before it is loaded. */
  readonly owns: (path: string) => boolean;
  /** Request headers that pages may send from a browser, in addition to the protocols' own. */
  readonly corsHeaders: readonly string[];
  readonly load: (operations: Operations) => Promise<DialectMounts>;
}

export type DialectMounts = Mounts<Admission>;
