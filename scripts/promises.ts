/** `node scripts/promises.ts` writes what the release at hand promises (docs/VERSIONING.md); a test compares later code with it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROLES, RPC_PERMISSIONS } from "../src/auth/permissions.ts";
import { COMMANDS } from "../src/cli/commands/commands.ts";
import { EXIT } from "../src/cli/frame/failure.ts";
import { SETTINGS } from "../src/config.ts";
import { REASONS } from "../src/domain/refusal.ts";
import { MIGRATIONS } from "../src/store/sqlite/migrations.ts";

/** A row of the table of metrics, which a test compares with a running service. */
const METRICS = /^\| (?<names>`lockkeeper_\w+`(?:, `lockkeeper_\w+`)*) \| (?<labels>[^|]*?) ?\|/gm;

function promisedMetrics(): Readonly<Record<string, string>> {
  const text = readFileSync(join(import.meta.dirname, "../docs/monitoring.md"), "utf8");
  const rows = [...text.matchAll(METRICS)].map(({ groups }) => groups);
  return Object.fromEntries(
    rows.flatMap((row) => (row?.names ?? "").split(", ").map((name) => [name.slice(1, -1), row?.labels ?? ""])),
  );
}

/** Where the promises of the last release are. */
export const PROMISES_PATH: string = join(import.meta.dirname, "../test/tidy/fixtures/promises.json");

/** By surface and name: what a later version must have too, with the same meaning. */
export type Promises = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Returns what the code promises now. */
export function currentPromises(): Promises {
  const settings = Object.values<{ flag?: string; environment: string }>(SETTINGS);
  const flags = COMMANDS.flatMap(({ name, flags: own }) =>
    Object.entries(own).map(([flag, { short = "" }]) => [`${name} --${flag}`, short] as const),
  );
  return {
    reasons: Object.fromEntries(Object.entries(REASONS).map(([reason, [code]]) => [reason, code])),
    permissions: Object.fromEntries(Object.entries(RPC_PERMISSIONS).map(([rpc, needed]) => [rpc, needed ?? ""])),
    roles: Object.fromEntries(
      Object.entries(ROLES).flatMap(([role, permissions]) => permissions.map((each) => [`${role} ${each}`, ""])),
    ),
    settings: Object.fromEntries(settings.map(({ environment, flag = "" }) => [environment, flag])),
    commands: Object.fromEntries(COMMANDS.map(({ name, reach }) => [name, reach])),
    flags: Object.fromEntries(flags),
    metrics: promisedMetrics(),
    exitCodes: Object.fromEntries(Object.entries(EXIT).map(([name, code]) => [String(code), name])),
    migrations: Object.fromEntries(MIGRATIONS.map(({ name }) => [name, ""])),
  };
}

if (import.meta.main) writeFileSync(PROMISES_PATH, `${JSON.stringify(currentPromises(), null, 2)}\n`);
