/** Reads the values of settings: from the text as typed to its meaning. Each reader throws an Error that says what is allowed. */

import { isIP } from "node:net";
import { parseArgs } from "node:util";

/** A kind of values: how they are written and read. */
export interface ValueKind<T> {
  /** Stands for the value in the help. */
  readonly placeholder: string;
  /** The only values that are allowed; absent: others. */
  readonly choices?: readonly string[];
  /** Whether the value is the path of a file. */
  readonly isFile?: boolean;
  /** Returns what the text means. Throws an Error that says what is allowed. */
  readonly parse: (text: string) => T;
}

/** A setting: its names, its default and how it is read. */
export interface Setting<T> extends ValueKind<T> {
  /** Absent for a secret, because `ps` shows command lines. */
  readonly flag?: string;
  readonly environment: string;
  /** The default as typed; empty: not set. */
  readonly fallback: string;
  readonly meaning: string;
}

/** The shortest admin key that is allowed. */
const ADMIN_KEY_CHARS_MIN = 32;
/** The longest one; a longer credential is refused before it is read. */
const ADMIN_KEY_CHARS_MAX = 4096;

function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new Error(`${JSON.stringify(text)} is not allowed; it must be host:port, such as 127.0.0.1:8080 or [::1]:0`);
  }
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
}

export const ADDRESS = { placeholder: "HOST:PORT", parse: parseListen };

/** Where a database is: a file, or the URL of a server as it was typed, which has a password in it. */
export type DatabaseChoice =
  | { readonly engine: "sqlite"; readonly path: string }
  | { readonly engine: "postgres"; readonly url: string };

function parseDatabase(text: string): DatabaseChoice {
  const path = text.startsWith("sqlite:") ? text.slice("sqlite:".length) : "";
  if (path !== "" && !path.includes("\0")) return { engine: "sqlite", path };
  // The engine parses the rest before anything is opened.
  if (/^postgres(?:ql)?:\/\//.test(text)) return { engine: "postgres", url: text };
  // The text may have a password in it, so it is not repeated.
  throw new Error(
    "the value is not allowed; it must be sqlite:PATH, such as sqlite:data/lockkeeper.db, or postgres://USER:PASSWORD@HOST/DATABASE",
  );
}

export const DATABASE = { placeholder: "sqlite:PATH|postgres://…", parse: parseDatabase };

function parsePath(text: string): string | undefined {
  if (text.includes("\0")) throw new Error(`${JSON.stringify(text)} is not the path of a file`);
  return text === "" ? undefined : text;
}

export const FILE = { placeholder: "FILE", isFile: true, parse: parsePath };

export function parseAdminKey(text: string): string | undefined {
  if (text === "") return undefined;
  if (text.length < ADMIN_KEY_CHARS_MIN || text.length > ADMIN_KEY_CHARS_MAX) {
    throw new Error(
      `the value has ${text.length} characters; ${ADMIN_KEY_CHARS_MIN} to ${ADMIN_KEY_CHARS_MAX} are allowed`,
    );
  }
  if (!/^[!-+\--~]+$/.test(text)) {
    throw new Error("the value must be visible ASCII without spaces or commas, because it is sent in a header");
  }
  return text;
}

export function parseOrigins(text: string): readonly string[] {
  const origins = splitList(text);
  for (const origin of origins) {
    if (origin === "*") continue;
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new Error(
        `${JSON.stringify(origin)} is not an origin; it must be like https://console.example, without a path, or *`,
      );
    }
  }
  return origins;
}

/** Returns networks such as `10.0.0.0/8` or `2001:db8::/32`; an address alone is a network of one. */
export function parseNetworks(text: string): readonly { readonly address: string; readonly prefix: number }[] {
  return splitList(text).map((part) => {
    const [, address = "", digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(part) ?? [];
    const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
    const prefix = digits === undefined ? bits : Number(digits);
    if (bits === 0 || prefix > bits) {
      throw new Error(
        `${JSON.stringify(part)} is not a network; it must be like 10.0.0.0/8, 2001:db8::/32 or a single address`,
      );
    }
    // If everyone is trusted as a proxy, everyone can invent a client's address.
    if (prefix === 0) {
      throw new Error(`${JSON.stringify(part)} covers every address; name the networks of your proxies`);
    }
    return { address, prefix };
  });
}

export function parseNames(text: string): readonly string[] {
  const names = splitList(text);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`${JSON.stringify(twice)} is named twice; once is enough`);
  return names;
}

function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** Returns the kind of a value that is one of some words. */
export function oneOf<T extends string>(choices: readonly T[]): ValueKind<T> {
  const parse = (text: string): T => {
    const found = choices.find((each) => each === text);
    if (found !== undefined) return found;
    throw new Error(`${JSON.stringify(text)} is not allowed; it must be one of ${choices.join(", ")}`);
  };
  return { placeholder: choices.join("|"), choices, parse };
}

const TRUE_OR_FALSE = oneOf(["true", "false"]);
export const BOOLEAN: ValueKind<boolean> = { ...TRUE_OR_FALSE, parse: (text) => TRUE_OR_FALSE.parse(text) === "true" };

const RATE_SECONDS = { s: 1, m: 60 } as const;
const RATE_MAX = 1_000_000;

/** Reads `100/s`, `600/m` or `100/s:500`; `undefined` for `off`. The default burst is the calls of one second, at least 1. */
function parseRate(text: string): { readonly perSecond: number; readonly burst: number } | undefined {
  if (text === "off") return undefined;
  const match = /^(\d{1,7})\/([sm])(?::(\d{1,7}))?$/.exec(text);
  const calls = Number(match?.[1]);
  const perSecond = calls / RATE_SECONDS[match?.[2] as keyof typeof RATE_SECONDS];
  const burst = match?.[3] === undefined ? Math.max(1, Math.ceil(perSecond)) : Number(match[3]);
  if (match === null || calls < 1 || calls > RATE_MAX || burst < 1 || burst > RATE_MAX) {
    throw new Error(
      `${JSON.stringify(text)} is not allowed; it must be off or a rate such as 100/s, 600/m or 100/s:500, with numbers from 1 to ${RATE_MAX}`,
    );
  }
  return { perSecond, burst };
}

export const RATE = { placeholder: "RATE", parse: parseRate };

const MB = 1_000_000;

/** Returns the kind of a whole number of megabytes with a minimum; its meaning is in bytes. */
export function megabytes(least: number): ValueKind<number> {
  return { placeholder: "MB", parse: (text) => parseMegabytes(text, least) };
}

function parseMegabytes(text: string, least: number): number {
  const megabytes = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(megabytes >= least)) {
    throw new Error(`${JSON.stringify(text)} is not allowed; it must be a whole number of MB, ${least} to 9999999`);
  }
  return megabytes * MB;
}

/** Returns the kind of a whole number between two bounds, both allowed. */
export function wholeNumber(least: number, most: number): ValueKind<number> {
  return {
    placeholder: "NUMBER",
    parse: (text) => {
      const number = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
      if (number >= least && number <= most) return number;
      throw new Error(`${JSON.stringify(text)} is not allowed; it must be a whole number from ${least} to ${most}`);
    },
  };
}

const DAY_MS = 86_400_000;

/** Returns the kind of a number of whole days between two bounds, both allowed; its meaning is in milliseconds. */
export function days(least: number, most: number): ValueKind<number> {
  return {
    placeholder: "DAYS",
    parse: (text) => {
      const count = /^\d{1,5}d$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
      if (count >= least && count <= most) return count * DAY_MS;
      throw new Error(`${JSON.stringify(text)} is not allowed; it must be a number of days, ${least}d to ${most}d`);
    },
  };
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000 } as const;

/** The longest that a timer of Node waits; a longer one fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Returns a duration in milliseconds that a timer can wait. */
function parseDurationMs(text: string): number {
  const match = /^(\d{1,9})(ms|s|m)$/.exec(text);
  const ms = Number(match?.[1]) * UNIT_MS[match?.[2] as keyof typeof UNIT_MS];
  if (match === null || ms > TIMER_MS_MAX) {
    const most = Math.floor(TIMER_MS_MAX / UNIT_MS.m);
    throw new Error(
      `${JSON.stringify(text)} is not allowed; it must be a duration such as 10s, 500ms or 2m, at most ${most}m (24 days)`,
    );
  }
  return ms;
}

export const TIME = { placeholder: "TIME", parse: parseDurationMs };

/** Whether only this machine can reach an address to listen on. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** Returns the values of flags by their names. Throws for anything else on the line. */
export function readFlags(
  args: readonly string[],
  names: readonly string[],
): Readonly<Record<string, string | undefined>> {
  const options: Record<string, { type: "string" }> = {};
  for (const name of names) options[name] = { type: "string" };
  return parseArgs({ args: [...args], options, allowPositionals: false }).values;
}
