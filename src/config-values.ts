/** How the value of a setting is read: text as it is typed to what it means. Each throws an Error that says what is allowed. */

/** The shortest admin key that is taken. */
const ADMIN_KEY_CHARS_MIN = 32;
/** The longest one; a longer credential is refused unread. */
const ADMIN_KEY_CHARS_MAX = 4096;

export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new Error(`${JSON.stringify(text)} is not allowed; it must be host:port, such as 127.0.0.1:8080 or [::1]:0`);
  }
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
}

export function parseDatabase(text: string): { readonly engine: "sqlite"; readonly path: string } {
  const path = text.startsWith("sqlite:") ? text.slice("sqlite:".length) : "";
  if (path === "" || path.includes("\0")) {
    // The text may be the address of a server with a password in it, so it is not repeated.
    throw new Error("the value is not allowed; it must be sqlite:PATH, such as sqlite:data/lockkeeper.db");
  }
  return { engine: "sqlite", path };
}

export function parsePath(text: string): string | undefined {
  if (text.includes("\0")) throw new Error(`${JSON.stringify(text)} is not the path of a file`);
  return text === "" ? undefined : text;
}

export function parseAdminKey(text: string): string | undefined {
  if (text === "") return undefined;
  if (text.length < ADMIN_KEY_CHARS_MIN || text.length > ADMIN_KEY_CHARS_MAX) {
    throw new Error(
      `the value has ${text.length} characters; ${ADMIN_KEY_CHARS_MIN} to ${ADMIN_KEY_CHARS_MAX} are allowed`,
    );
  }
  if (!/^[!-+\--~]+$/.test(text)) {
    throw new Error("the value must be visible ASCII without spaces or commas, as it travels in a header");
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

export function parseOneOf<T extends string>(allowed: readonly T[], text: string): T {
  const found = allowed.find((each) => each === text);
  if (found === undefined)
    throw new Error(`${JSON.stringify(text)} is not allowed; it must be one of ${allowed.join(", ")}`);
  return found;
}

const MB = 1_000_000;

/** Megabytes as bytes. */
export function parseMegabytes(text: string, least: number): number {
  const megabytes = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(megabytes >= least)) {
    throw new Error(`${JSON.stringify(text)} is not allowed; it must be a whole number of MB, ${least} to 9999999`);
  }
  return megabytes * MB;
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000 } as const;

export function parseDurationMs(text: string): number {
  const match = /^(\d{1,9})(ms|s|m)$/.exec(text);
  if (match === null)
    throw new Error(`${JSON.stringify(text)} is not allowed; it must be a duration such as 10s, 500ms or 2m`);
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}
