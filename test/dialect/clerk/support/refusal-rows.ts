/** Refusals of credentials, paths, methods and bodies, with the requests that get them. */
import assert from "node:assert/strict";
import type { Answered, ErrorJson, Sent } from "./clients.ts";

/** A request and its refusal. */
export interface RefusalRow {
  readonly name: string;
  readonly path: string;
  readonly sent?: Sent;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly longMessage: string | RegExp;
  readonly param?: string;
  readonly header?: Readonly<Record<string, string>>;
}

/** Asserts that the answer on the wire is the row's. */
export function assertRefusedAs({ status, header, json }: Answered, row: RefusalRow): void {
  assert.equal(status, row.status);
  assert.equal(header.get("content-type"), "application/json");
  for (const [name, value] of Object.entries(row.header ?? {})) assert.equal(header.get(name), value);
  if (row.sent?.method === "HEAD") return;
  const { errors, clerk_trace_id: traceId } = json as ErrorJson;
  assert.match(traceId, /^[0-9a-f-]{36}$/);
  assert.equal(errors.length, 1);
  const [{ code, message, long_message: longMessage, meta } = assert.fail()] = errors;
  assert.deepEqual(
    { code, message, param: meta?.param_name },
    { code: row.code, message: row.message, param: row.param },
  );
  if (typeof row.longMessage === "string") assert.equal(longMessage, row.longMessage);
  else assert.match(longMessage, row.longMessage);
}

const NOT_FOUND = { status: 404, code: "resource_not_found", message: "not found" };
const BODY = {
  status: 400,
  code: "request_body_invalid",
  message: "Request body invalid",
  longMessage: "The request body is invalid. Please consult the API documentation for more information.",
};
/** The text for a wrong key. */
export const KEY_INVALID = "The provided Clerk Secret Key is invalid. Make sure that your Clerk Secret Key is correct.";
const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** Refusals that do not depend on the parameters. */
export const REQUEST_REFUSALS: readonly RefusalRow[] = [
  {
    name: "no credential",
    path: "/users",
    sent: { key: null },
    status: 401,
    code: "authentication_invalid",
    message: "Invalid authentication",
    longMessage: "Unable to authenticate the request, you need to supply an active session",
    header: { "www-authenticate": "Bearer" },
  },
  {
    name: "a malformed Authorization header",
    path: "/users",
    sent: { key: null, header: { authorization: "Basic abc" } },
    status: 401,
    code: "authorization_header_format_invalid",
    message: "Invalid Authorization header format",
    longMessage: "Invalid Authorization header format. Must be 'Bearer <YOUR_API_KEY>'",
  },
  {
    name: "a wrong key",
    path: "/users/user_1/lock",
    sent: { method: "POST", key: "sk_test_wrong" },
    status: 401,
    code: "clerk_key_invalid",
    message: KEY_INVALID,
    longMessage: KEY_INVALID,
  },
  {
    name: "a wrong key before a body that is not JSON",
    path: "/users",
    sent: { key: "sk_test_wrong", body: "{" },
    status: 401,
    code: "clerk_key_invalid",
    message: KEY_INVALID,
    longMessage: KEY_INVALID,
  },
  { name: "an unknown path", path: "/nothing", ...NOT_FOUND, longMessage: "Resource not found" },
  { name: "the base", path: "", ...NOT_FOUND, longMessage: "Resource not found" },
  { name: "a path with an empty last segment", path: "/users/", ...NOT_FOUND, longMessage: "Resource not found" },
  {
    name: "a path with a segment too many",
    path: "/users/user_1/lock/x",
    ...NOT_FOUND,
    longMessage: "Resource not found",
  },
  { name: "a path with an invalid encoding", path: "/users/%zz", ...NOT_FOUND, longMessage: "Resource not found" },
  {
    name: "a path that is not UTF-8",
    path: "/users/%ff/lock",
    sent: { method: "POST" },
    ...NOT_FOUND,
    longMessage: "Resource not found",
  },
  {
    name: "a segment named like a property of objects",
    path: "/constructor",
    ...NOT_FOUND,
    longMessage: "Resource not found",
  },
  ...["verify_password", "verify_totp", "password/set_compromised", "profile_image"].map((path) => ({
    name: path,
    path: `/users/user_1/${path}`,
    sent: { method: "POST" },
    ...NOT_FOUND,
    longMessage: "Resource not found",
  })),
  ...["tokens", "tokens/", "tokens/template", "refresh", "nothing"].map((path) => ({
    name: `${path} of a session`,
    path: `/sessions/sess_1/${path}`,
    sent: { method: "POST" },
    ...NOT_FOUND,
    longMessage: "Resource not found",
  })),
  ...["lock", "unlock", "ban", "unban"].map((path) => ({
    name: `${path} of nobody`,
    path: `/users/user_nobody/${path}`,
    sent: { method: "POST" },
    ...NOT_FOUND,
    longMessage: "No user was found with id user_nobody",
  })),
  {
    name: "get of nobody",
    path: "/users/user_nobody",
    ...NOT_FOUND,
    longMessage: "No user was found with id user_nobody",
  },
  {
    name: "delete of nobody",
    path: "/users/user_nobody",
    sent: { method: "DELETE" },
    ...NOT_FOUND,
    longMessage: "No user was found with id user_nobody",
  },
  {
    name: "update of nobody",
    path: "/users/user_nobody",
    sent: { method: "PATCH", body: {} },
    ...NOT_FOUND,
    longMessage: "No user was found with id user_nobody",
  },
  {
    name: "metadata of nobody",
    path: "/users/user_nobody/metadata",
    sent: { method: "PUT", body: {} },
    ...NOT_FOUND,
    longMessage: "No user was found with id user_nobody",
  },
  {
    name: "an id that is decoded once",
    path: "/users/a%252Fb%20c",
    ...NOT_FOUND,
    longMessage: "No user was found with id a%2Fb c",
  },
  { name: "an id with U+0000", path: "/users/a%00b", ...NOT_FOUND, longMessage: "No user was found with id a\0b" },
  {
    name: "an id that is too long",
    path: `/users/${"x".repeat(201)}`,
    ...NOT_FOUND,
    longMessage: `No user was found with id ${"x".repeat(201)}`,
  },
  ...(
    [
      ["/users", "PUT", "GET, POST"],
      ["/users", "HEAD", "GET, POST"],
      ["/users/count", "POST", "GET"],
      ["/users/ban", "GET", "POST"],
      ["/users/unban", "DELETE", "POST"],
      ["/users/user_1", "POST", "GET, PATCH, DELETE"],
      ["/users/user_1/lock", "GET", "POST"],
      ["/users/user_1/metadata", "POST", "PATCH, PUT"],
      ["/sessions", "DELETE", "GET, POST"],
      ["/sessions/sess_1", "DELETE", "GET"],
      ["/sessions/sess_1/revoke", "GET", "POST"],
      ["/sessions/sess_1/verify", "PUT", "POST"],
    ] as const
  ).map(([path, method, allow]) => ({
    name: `${method} ${path}`,
    path,
    sent: { method },
    status: 405,
    code: "method_not_allowed",
    message: "Method not allowed",
    longMessage: `The method ${method} is not allowed here. Use ${allow}.`,
    header: { allow },
  })),
  { name: "a body that is not JSON", path: "/users", sent: { body: '{"first_name":' }, ...BODY },
  { name: "a body that is a list", path: "/users", sent: { body: "[]" }, ...BODY },
  { name: "a body that is null", path: "/users", sent: { body: "null" }, ...BODY },
  { name: "a body that is not UTF-8", path: "/users", sent: { body: new Uint8Array([0x7b, 0xff, 0x7d]) }, ...BODY },
  {
    name: "a body that nests too deep",
    path: "/users",
    sent: { body: `{"public_metadata":${"[".repeat(5000)}${"]".repeat(5000)}}` },
    ...BODY,
  },
  {
    name: "a number beyond the largest double",
    path: "/users",
    sent: { body: '{"public_metadata":{"a":1e999}}' },
    ...BODY,
  },
  {
    name: "a body that is too large",
    path: "/users",
    sent: { body: { first_name: "x".repeat(300_000) } },
    status: 413,
    code: "request_body_too_large",
    message: "Request body too large",
    longMessage: "The request body exceeds the maximum allowed size of 262144 bytes.",
  },
  {
    name: "a body that is a form",
    path: "/users",
    sent: { body: "first_name=Ann", header: FORM },
    status: 415,
    code: "unsupported_content_type",
    message: "Content-Type is unsupported",
    longMessage:
      "Content-Type application/x-www-form-urlencoded is unsupported. You should use application/json instead.",
    header: { accept: "application/json" },
  },
];
