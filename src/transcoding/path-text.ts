/** Splits a request target into path and query, and decodes the captures of path variables. */

/** A request target. */
export interface Target {
  /** The path, which begins with "/". It is raw: nothing is decoded, and dot segments stay. */
  readonly path: string;
  /** The raw query without the question mark; empty for none. */
  readonly query: string;
}

const ABSOLUTE_FORM = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/;

/**
 * A request target holds visible ASCII only (RFC 3986). Node passes raw UTF-8 bytes on as Latin-1, which would bind
 * wrong values.
 */
const FOREIGN = /[^\x21\x22\x24-\x7e]/;

/**
 * Reads origin-form (`/path?query`) and absolute-form (`http://host/path?query`). Returns undefined for every other
 * form (`*`, `host:port`), which has no path. `new URL` is not used: it would resolve dot segments and turn `\` into
 * `/`.
 */
export function parseTarget(target: string): Target | undefined {
  let rest = target;
  if (target.charCodeAt(0) !== 0x2f) {
    const authority = ABSOLUTE_FORM.exec(target);
    if (authority === null) return undefined;
    rest = target.slice(authority[0].length);
    if (rest.charCodeAt(0) !== 0x2f) rest = `/${rest}`;
  }
  const question = rest.indexOf("?");
  return question < 0 ? { path: rest, query: "" } : { path: rest.slice(0, question), query: rest.slice(question + 1) };
}

/** Returns why a target cannot be read, or undefined. Only the percent-encoding of the path is checked here. */
export function findTargetProblem(target: Target): string | undefined {
  if (FOREIGN.test(target.path) || FOREIGN.test(target.query)) {
    return "the request target holds characters other than visible ASCII; percent-encode them as UTF-8";
  }
  if (target.path.includes("%") && decodePercent(target.path) === undefined) {
    return 'the path is not valid percent-encoded UTF-8: "%" is followed by two hexadecimal digits, and the bytes form UTF-8 text';
  }
  return undefined;
}

/** Decodes percent-encoded UTF-8 once. Returns undefined if the encoding or the UTF-8 is malformed. */
export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Decodes a capture of a path in which `findTargetProblem` found no fault. A capture of one segment is decoded
 * completely; in a wider one `%2F` and `%2f` stay as sent, since a decoded slash would look like a separator.
 */
export function decodeCapture(raw: string, wide: boolean): string {
  if (!raw.includes("%")) return raw;
  if (!wide) return decodeURIComponent(raw);
  const parts = raw.split(/(%2f)/i);
  for (let i = 0; i < parts.length; i += 2) parts[i] = decodeURIComponent(parts[i] ?? "");
  return parts.join("");
}
