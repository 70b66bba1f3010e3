/** The OIDC issuers of the settings: reads their file and begins to fetch their keys. */

import { readFileSync } from "node:fs";
import { type IssuerConfig, parseIssuers } from "../auth/oidc-config.ts";
import type { Tokens } from "../auth/tokens.ts";
import { type Config, ConfigError } from "../config.ts";
import { fileFault } from "../file-fault.ts";
import type { Log } from "../observability/log.ts";
import { describe } from "./describe.ts";

/** None without the setting. Throws ConfigError that names the file, the place in it, the value and what is allowed. */
export function readIssuers({ oidcIssuers: path }: Config): readonly IssuerConfig[] {
  if (path === undefined) return [];
  try {
    return parseIssuers(readFileSync(path, "utf8"));
  } catch (error) {
    const cause = fileFault(error);
    throw new ConfigError(`--oidc-issuers, LOCKKEEPER_OIDC_ISSUERS: ${path}: ${cause}`);
  }
}

/** An issuer that cannot be reached is logged and asked again with the first token; the service starts without it. */
export async function openTokens(
  issuers: readonly IssuerConfig[],
  { clock, log }: { readonly clock: () => number; readonly log: Log },
): Promise<Tokens | undefined> {
  if (issuers.length === 0) return undefined;
  // What verifies tokens is loaded only where there are issuers.
  const { Tokens } = await import("../auth/tokens.ts");
  const onTrouble = (error: unknown): void => log.write("error", "issuer trouble", { cause: describe(error) });
  const tokens = new Tokens({ issuers, clock, onTrouble });
  tokens.warm();
  return tokens;
}
