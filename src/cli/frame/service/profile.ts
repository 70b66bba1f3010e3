/** The profile file: the service that commands call and the key for it, readable only by its owner. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileFault } from "../../../file-fault.ts";
import { EXIT, Failure, usageFailure } from "../failure.ts";
import type { Environment } from "../terminal.ts";

/** The profile that `lockkeeper login` saves; paths are those of PEM files. */
export interface Profile {
  readonly server: string;
  readonly key: string;
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

const NAMES = ["server", "key", "ca", "clientCert", "clientKey"] as const;

/** Returns the path of the profile: LOCKKEEPER_PROFILE, or in the folder that XDG_CONFIG_HOME names, or in ~/.config. */
export function profilePath({ LOCKKEEPER_PROFILE, XDG_CONFIG_HOME, HOME }: Environment): string {
  if (LOCKKEEPER_PROFILE) return LOCKKEEPER_PROFILE;
  return join(XDG_CONFIG_HOME || join(HOME || homedir(), ".config"), "lockkeeper", "profile.json");
}

/** Returns the profile; `undefined` if there is none. Throws a Failure for a file that others may read, or that is not a profile. */
export function readProfile(environment: Environment): Profile | undefined {
  const path = profilePath(environment);
  let text: string;
  try {
    const { mode } = statSync(path);
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      throw usageFailure(`the profile ${path} holds a key and has mode ${octal}; it must be 0600: chmod 600 ${path}`);
    }
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw usageFailure(`the profile ${path} cannot be read: ${fileFault(error)}`);
  }
  const profile = parseProfile(text);
  if (profile === undefined) throw usageFailure(`${path} is not a profile; create a new one with lockkeeper login`);
  return profile;
}

function parseProfile(text: string): Profile | undefined {
  try {
    const json: unknown = JSON.parse(text);
    const fields = Object.entries(json as object).filter(([name]) => NAMES.some((known) => known === name));
    const { server, key, ...rest } = Object.fromEntries(fields) as Record<string, unknown>;
    const isText = (value: unknown): value is string => typeof value === "string";
    if (!isText(server) || !isText(key) || !URL.canParse(server) || !Object.values(rest).every(isText)) {
      return undefined;
    }
    return { server, key, ...rest };
  } catch {
    return undefined;
  }
}

/** Replaces the profile; at no moment can anyone but its owner read it. Returns its path. */
export function writeProfile(profile: Profile, environment: Environment): string {
  const path = profilePath(environment);
  const partial = `${path}.${process.pid}.partial`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(partial, { force: true });
    writeFileSync(partial, `${JSON.stringify(profile, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(partial, path);
  } catch (error) {
    throw new Failure(EXIT.UNFORESEEN, `the profile ${path} cannot be written: ${fileFault(error)}`);
  }
  return path;
}

/** Deletes the profile. Returns its path; `undefined` if there was none. */
export function deleteProfile(environment: Environment): string | undefined {
  const path = profilePath(environment);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  rmSync(path);
  return path;
}
