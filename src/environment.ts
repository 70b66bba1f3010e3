/** The variables that anything reads, the service or the command line, and what is said of all others. */
import { SETTINGS } from "./config.ts";
import { findClosestName } from "./transcoding/closest-name.ts";

/** Variables of the command line, which a shell may have beside those of the service. A test compares them with it. */
export const CLIENT_VARIABLES: readonly string[] = [
  "LOCKKEEPER_SERVER",
  "LOCKKEEPER_KEY",
  "LOCKKEEPER_CA",
  "LOCKKEEPER_CLIENT_CERT",
  "LOCKKEEPER_CLIENT_KEY",
  "LOCKKEEPER_PROFILE",
];

const PREFIX = "LOCKKEEPER_";

/** One sentence for each variable that nothing reads. Values are not shown: one may be a secret. */
export function unknownVariables(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const known = [...Object.values(SETTINGS).map((setting) => setting.environment), ...CLIENT_VARIABLES];
  const unknown = Object.keys(environment).filter((name) => name.startsWith(PREFIX) && !known.includes(name));
  return unknown.map((name) => {
    const closest = findClosestName(withoutPrefix(name), known.map(withoutPrefix));
    const hint =
      closest === undefined
        ? "lockkeeper serve --help lists those of the service"
        : `did you mean ${PREFIX}${closest}?`;
    return `the environment variable ${name} is not known and has no effect; ${hint}`;
  });
}

/** What all have in common makes none like another. */
function withoutPrefix(name: string): string {
  return name.slice(PREFIX.length);
}
