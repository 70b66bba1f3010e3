/** Refusals of calls on sessions, with the requests that get them. */
import type { Sent } from "./clients.ts";
import type { RefusalRow } from "./refusal-rows.ts";

const NO_SESSION = { status: 404, code: "resource_not_found", message: "Session not found" };
const QUERY = {
  status: 400,
  code: "missing_query_parameter",
  message: "Missing query parameter",
  longMessage: "Either of the following query parameters must be provided: client_id, user_id.",
};
const INVALID = { status: 422, message: "is invalid" };
const MISSING = { status: 422, code: "form_param_missing", message: "is missing" };

function missing(param: string, path: string, body: object): RefusalRow {
  return {
    name: `${param} of ${JSON.stringify(body)}`,
    path,
    sent: { body },
    ...MISSING,
    longMessage: `${param} must be included.`,
    param,
  };
}

function unknown(name: string, path: string, sent: Sent, id = "sess_nobody"): RefusalRow {
  return { name, path, sent, ...NO_SESSION, longMessage: `No session was found with id ${id}` };
}

function queryRow(param: string, value: string, longMessage: string, code = "form_param_value_invalid"): RefusalRow {
  const path = `/sessions?user_id=user_1&${param}=${value}`;
  return { name: `the query ${param}=${value}`, path, ...INVALID, code, longMessage, param };
}

/** Refusals that do not depend on the users. */
export const SESSION_REFUSALS: readonly RefusalRow[] = [
  { name: "a list of nobody's", path: "/sessions", ...QUERY },
  {
    name: "a list of nobody's, with every other parameter",
    path: "/sessions?status=active&limit=0&paginated=true",
    ...QUERY,
  },
  { name: "a list of empty names", path: "/sessions?user_id=&client_id=", ...QUERY },
  queryRow("status", "ACTIVE", "ACTIVE does not match one of the allowed values for parameter status"),
  queryRow("limit", "0", "0 does not match one of the allowed values for parameter limit"),
  queryRow("limit", "501", "501 does not match one of the allowed values for parameter limit"),
  queryRow("offset", "-1", "-1 does not match one of the allowed values for parameter offset"),
  queryRow("offset", "one", "`offset` must be a `integer`.", "form_param_type_invalid"),
  queryRow("paginated", "yes", "`paginated` must be a `boolean`.", "form_param_type_invalid"),
  unknown("a get of no session", "/sessions/sess_nobody", {}),
  unknown("a revoke of no session", "/sessions/sess_nobody/revoke", { method: "POST" }),
  unknown("a verify of no session", "/sessions/sess_nobody/verify", { body: { token: "x" } }),
  unknown("an id with U+0000", "/sessions/a%00b", {}, "a\0b"),
  unknown("an id that is too long", `/sessions/${"x".repeat(201)}/revoke`, { method: "POST" }, "x".repeat(201)),
  {
    name: "an id that is not decoded",
    path: "/sessions/%zz",
    status: 404,
    code: "resource_not_found",
    message: "not found",
    longMessage: "Resource not found",
  },
  missing("user_id", "/sessions", {}),
  missing("user_id", "/sessions", { user_id: null }),
  missing("user_id", "/sessions", { user_id: "" }),
  missing("token", "/sessions/sess_nobody/verify", {}),
  {
    name: "a user_id that is not text",
    path: "/sessions",
    sent: { body: { user_id: 1 } },
    ...INVALID,
    code: "form_param_type_invalid",
    longMessage: "`user_id` must be a `string`.",
    param: "user_id",
  },
  {
    name: "a parameter that CreateSession does not have",
    path: "/sessions",
    sent: { body: { user_id: "user_1", expire_at: 1 } },
    status: 422,
    code: "form_param_unknown",
    message: "is unknown",
    longMessage: "expire_at is not a valid parameter for this request.",
    param: "expire_at",
  },
  {
    name: "an active organization",
    path: "/sessions",
    sent: { body: { user_id: "user_1", active_organization_id: "org_1" } },
    status: 403,
    code: "feature_not_enabled",
    message: "not enabled",
    longMessage: "This feature is not enabled on this instance",
  },
  {
    name: "a create for nobody",
    path: "/sessions",
    sent: { body: { user_id: "user_nobody" } },
    status: 404,
    code: "resource_not_found",
    message: "not found",
    longMessage: "No user was found with id user_nobody",
  },
  {
    name: "a body that is not JSON",
    path: "/sessions/sess_nobody/verify",
    sent: { body: "{" },
    status: 400,
    code: "request_body_invalid",
    message: "Request body invalid",
    longMessage: "The request body is invalid. Please consult the API documentation for more information.",
  },
];
