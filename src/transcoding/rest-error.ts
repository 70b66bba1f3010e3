/** Refusals whose HTTP status is not the one of their code: 404, 405, 413 and 415. */

import { Code, ConnectError } from "@connectrpc/connect";
import { quote } from "./bad-request.ts";
import { findClosestPath } from "./closest-path.ts";

/**
 * A refusal by the REST road itself. `httpStatus` and `header` go on the wire as they are; an error encoder that wants
 * another document tells these by `isRestError(error)` and `error.httpStatus`.
 */
export class RestError extends ConnectError {
  readonly httpStatus: number;
  /** Header names are lower case. */
  readonly header: Readonly<Record<string, string>>;

  constructor(message: string, code: Code, httpStatus: number, header: Readonly<Record<string, string>> = {}) {
    super(message, code);
    this.httpStatus = httpStatus;
    this.header = header;
  }

  // ConnectError compares structure, not classes: without this every ConnectError would be an instance of RestError.
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && Object.prototype.isPrototypeOf.call(RestError.prototype, value);
  }
}

/** 415. The code is INVALID_ARGUMENT: the caller must send something else, and the sources name no better one. */
export class UnsupportedMediaType extends RestError {
  /** The header says what would have been taken: `accept` for a content type, `accept-encoding` for an encoding. */
  constructor(message: string, header: Readonly<Record<string, string>> = { accept: "application/json" }) {
    super(message, Code.InvalidArgument, 415, header);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && Object.prototype.isPrototypeOf.call(UnsupportedMediaType.prototype, value);
  }
}

/** 404: no rule of any mount has this path. `templates`: the paths that are served there. */
export function pathNotFound(path: string, templates: Iterable<string> = []): RestError {
  const closest = findClosestPath(path, templates);
  const hint = closest === undefined ? "" : `; did you mean ${closest}?`;
  return new RestError(`nothing is served at the path ${quote(path)}${hint}`, Code.NotFound, 404);
}

/**
 * 405: the path is served, but not with this HTTP method. `path`: as it was sent. `templates`: the paths that are served;
 * a verb that is not known is part of the last name, so the path with another verb may be the one that was meant.
 */
export function methodNotAllowed(allow: readonly string[], path?: string, templates: Iterable<string> = []): RestError {
  const header = { allow: allow.join(", ") };
  const closest = path === undefined ? undefined : closestVerb(path, templates);
  const subject = path === undefined ? "this path" : `the path ${quote(path)}`;
  const hint = closest === undefined ? "" : `; did you mean ${closest}?`;
  return new RestError(`${subject} allows ${header.allow} only${hint}`, Code.Unimplemented, 405, header);
}

function closestVerb(path: string, templates: Iterable<string>): string | undefined {
  const verbOf = (text: string): string => text.slice(text.lastIndexOf(":"));
  if (!path.includes(":")) return undefined;
  const closest = findClosestPath(
    path,
    [...templates].filter((template) => template.includes(":")),
  );
  return closest === undefined || verbOf(closest) === verbOf(path) ? undefined : closest;
}

/** 413. The code is RESOURCE_EXHAUSTED, as on the other wires. */
export function bodyTooLarge(bodyBytesMax: number): RestError {
  return new RestError(`the request body is larger than ${bodyBytesMax} bytes`, Code.ResourceExhausted, 413);
}

/** 413, too: the request has more members, items and single values than are taken. */
export function tooManyValues(valuesMax: number): RestError {
  return new RestError(`the request has more than ${valuesMax} values`, Code.ResourceExhausted, 413);
}

export function isRestError(error: ConnectError): error is RestError {
  return error instanceof RestError;
}
