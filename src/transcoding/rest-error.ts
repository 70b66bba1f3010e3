/** Refusals whose HTTP status is not the one of their code: 404, 405, 413 and 415. */

import { Code, ConnectError } from "@connectrpc/connect";
import { quote } from "./bad-request.ts";
import { findClosestPath } from "./closest-path.ts";

/**
 * A refusal by REST itself. `httpStatus` and `header` are sent as they are; an error encoder with its own document
 * recognises these refusals by `isRestError(error)` and `error.httpStatus`.
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

  // ConnectError's instanceof compares structure: without this, every ConnectError would be an instance of RestError.
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && Object.prototype.isPrototypeOf.call(RestError.prototype, value);
  }
}

/** 415. The code is INVALID_ARGUMENT: the caller must send something else, and no standard names a better code. */
export class UnsupportedMediaType extends RestError {
  /** `header`: what would be accepted, in `accept` for a content type and in `accept-encoding` for an encoding. */
  constructor(message: string, header: Readonly<Record<string, string>> = { accept: "application/json" }) {
    super(message, Code.InvalidArgument, 415, header);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && Object.prototype.isPrototypeOf.call(UnsupportedMediaType.prototype, value);
  }
}

/** Returns a 404: no rule of any mount has this path. `templates`: the served paths, for a hint. */
export function pathNotFound(path: string, templates: Iterable<string> = []): RestError {
  const closest = findClosestPath(path, templates);
  const hint = closest === undefined ? "" : `; did you mean ${closest}?`;
  return new RestError(`nothing is served at the path ${quote(path)}${hint}`, Code.NotFound, 404);
}

/**
 * Returns a 405: the path is served, but not with this HTTP method. `path`: as it was sent. `templates`: the served
 * paths. An unknown verb is read as part of the last name, so the hint may name the path with another verb.
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

/** Returns a 413. The code is RESOURCE_EXHAUSTED, as on the other wires. */
export function bodyTooLarge(bodyBytesMax: number): RestError {
  return new RestError(`the request body is larger than ${bodyBytesMax} bytes`, Code.ResourceExhausted, 413);
}

/** Returns a 413: the request has more members, items and single values than allowed. */
export function tooManyValues(valuesMax: number): RestError {
  return new RestError(`the request has more than ${valuesMax} values`, Code.ResourceExhausted, 413);
}

/** Returns whether REST itself refused the request. */
export function isRestError(error: ConnectError): error is RestError {
  return error instanceof RestError;
}
