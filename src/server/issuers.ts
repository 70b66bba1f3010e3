/** Reads the file of OIDC issuers that the settings name, and starts to fetch their keys. */

import { readFileSync } from "node:fs";
import { type IssuerConfig, parseIssuers } from "../auth/oidc-config.ts";
import type { Tokens } from "../auth/tokens.ts";
import { type Config, ConfigError } from "../config.ts";
import { fileFault } from "../file-fault.ts";
import type { Log } from "../observability/log.ts";
import { describe } from "./describe.ts";

/** Returns the issuers; none without the setting. Throws ConfigError that names the file, the place in it, the value and what is allowed. */
export function readIssuers({ oidcIssuers: path }: Config): readonly IssuerConfig[] {
  if (path === undefined) return [];
  try {
    return parseIssuers(readFileSync(path, "utf8"));
  } catch (error) {
    const cause = fileFault(error);
    throw new ConfigError(`--oidc-issuers, LOCKKEEPER_OIDC_ISSUERS: ${path}: ${cause}`);
  }
}

/** Returns the verifier of tokens. The service starts without an issuer that cannot be reached: that is logged, and retried with the first token. */
export async function openTokens(
  issuers: readonly IssuerConfig[],
  { clock, log }: { readonly clock: () => number; readonly log: Log },
): Promise<Tokens | undefined> {
  if (issuers.length === 0) return undefined;
  // The verifier is loaded only if there are issuers.
  const { Tokens } = await import("../auth/tokens.ts");
  const onTrouble = (error: unknown): void => log.write("error", "issuer trouble", { cause: describe(error) });
  const tokens = new Tokens({ issuers, clock, onTrouble });
  tokens.warm();
  return tokens;
}
