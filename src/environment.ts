/** The environment variables that the service or the command line reads, and warnings about all others. */
import { SETTINGS } from "./config.ts";
import { findClosestName } from "./transcoding/closest-name.ts";

/** The variables of the command line; a shell may set them together with those of the service. A test compares them. */
export const CLIENT_VARIABLES: readonly string[] = [
  "LOCKKEEPER_SERVER",
  "LOCKKEEPER_KEY",
  "LOCKKEEPER_CA",
  "LOCKKEEPER_CLIENT_CERT",
  "LOCKKEEPER_CLIENT_KEY",
  "LOCKKEEPER_PROFILE",
];

const PREFIX = "LOCKKEEPER_";

/** Returns one sentence for each unknown variable. Values are not shown, because one may be a secret. */
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

/** The prefix, which all share, must not make names similar. */
function withoutPrefix(name: string): string {
  return name.slice(PREFIX.length);
}
