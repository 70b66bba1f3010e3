/** Refusals of parameters, with the requests that get them. */
import type { RefusalRow } from "./refusal-rows.ts";

const INVALID = { status: 422, message: "is invalid" };
const TYPE = { ...INVALID, code: "form_param_type_invalid" };
const FORMAT = { ...INVALID, code: "form_param_format_invalid" };
const VALUE = { ...INVALID, code: "form_param_value_invalid" };
const UNKNOWN = { status: 422, code: "form_param_unknown", message: "is unknown" };
const MISSING = { status: 422, code: "form_param_missing", message: "is missing" };

function typeRow(param: string, value: unknown, type: string, path = "/users", method = "POST"): RefusalRow {
  return {
    name: `${param} of another type`,
    path,
    sent: { method, body: { [param]: value } },
    ...TYPE,
    longMessage: `\`${param}\` must be a \`${type}\`.`,
    param,
  };
}

function formatRow(param: string, value: unknown, longMessage: string | RegExp): RefusalRow {
  return {
    name: `${param} of another form`,
    path: "/users",
    sent: { body: { [param]: value } },
    ...FORMAT,
    longMessage,
    param,
  };
}

function queryRow(
  param: string,
  query: string,
  expected: Pick<RefusalRow, "status" | "code" | "message" | "longMessage">,
): RefusalRow {
  return { name: `the query ${query.slice(0, 40)}`, path: `/users?${query}`, ...expected, param };
}

function nested(levels: number): unknown {
  let value: unknown = {};
  for (let level = 1; level < levels; level++) value = { a: value };
  return value;
}

/** Refusals of the parameters in a body or a query. */
export const PARAM_REFUSALS: readonly RefusalRow[] = [
  {
    name: "an unknown parameter",
    path: "/users",
    sent: { body: { nick: "a" } },
    ...UNKNOWN,
    longMessage: "nick is not a valid parameter for this request.",
    param: "nick",
  },
  {
    name: "a parameter named __proto__",
    path: "/users",
    sent: { body: '{"__proto__":{}}' },
    ...UNKNOWN,
    longMessage: "__proto__ is not a valid parameter for this request.",
    param: "__proto__",
  },
  ...["banned", "locked", "created_at", "email_address"].map((param) => ({
    name: `${param} in an update`,
    path: "/users/user_1",
    sent: { method: "PATCH", body: { [param]: true } },
    ...UNKNOWN,
    longMessage: `${param} is not a valid parameter for this request.`,
    param,
  })),
  {
    name: "another parameter next to metadata",
    path: "/users/user_1/metadata",
    sent: { method: "PATCH", body: { first_name: "a" } },
    ...UNKNOWN,
    longMessage: "first_name is not a valid parameter for this request.",
    param: "first_name",
  },
  typeRow("first_name", 1, "string"),
  typeRow("banned", "yes", "boolean"),
  typeRow("create_organizations_limit", 1.5, "integer"),
  typeRow("public_metadata", [], "object"),
  typeRow("email_address", "a@b.co", "array"),
  typeRow("email_address", [1], "array"),
  typeRow("created_at", 1, "string"),
  typeRow("private_metadata", "x", "object", "/users/user_1/metadata", "PUT"),
  typeRow("user_ids", "user_1", "array", "/users/ban"),
  formatRow("created_at", "yesterday", "created_at must be a valid RFC3339 timestamp."),
  formatRow("created_at", "2026-02-30T00:00:00Z", "created_at must be a valid RFC3339 timestamp."),
  formatRow(
    "created_at",
    "2999-01-01T00:00:00Z",
    /^created_at is invalid: must lie between 1970-01-01T00:00:00Z and now/,
  ),
  formatRow("email_address", ["ann"], "email_address must be a valid email address."),
  formatRow("email_address", ["a@b.co", "A@b.co"], "email_address must not repeat a value."),
  formatRow(
    "phone_number",
    ["0791234567"],
    "phone_number must be a valid phone number according to E.164 international standard.",
  ),
  formatRow(
    "email_address_identification_status",
    ["verified"],
    "email_address_identification_status must have exactly one item per item of email_address.",
  ),
  formatRow("timezone", "x".repeat(101), "timezone must have at most 100 characters."),
  formatRow(
    "email_address",
    Array.from({ length: 101 }, (_, index) => `a${index}@b.co`),
    "email_address must have at most 100 items.",
  ),
  formatRow("password", "", "password must not be empty."),
  formatRow("username", "a\0b", "username must be well-formed Unicode without the character U+0000."),
  formatRow("username", "x".repeat(321), /^username is invalid: a text of 321 characters is not allowed/),
  formatRow("first_name", "x".repeat(201), /^first_name is invalid: /),
  formatRow("last_name", "x".repeat(201), /^last_name is invalid: /),
  formatRow("external_id", "x".repeat(201), /^external_id is invalid: /),
  formatRow("locale", "de_CH", /^locale is invalid: /),
  formatRow("email_address", [`${"x".repeat(320)}@b.co`], /^email_address is invalid: /),
  formatRow("public_metadata", nested(17), "public_metadata is invalid: nests deeper than 16 levels."),
  formatRow("private_metadata", { a: "b\0" }, /^private_metadata is invalid: has a character U\+0000/),
  formatRow("unsafe_metadata", { a: "x".repeat(70_000) }, /^unsafe_metadata is invalid: .*65536 are allowed/),
  {
    name: "an unknown status",
    path: "/users",
    sent: { body: { email_address: ["a@b.co"], email_address_identification_status: ["maybe"] } },
    ...VALUE,
    longMessage: "maybe does not match one of the allowed values for parameter email_address_identification_status",
    param: "email_address_identification_status",
  },
  {
    name: "a negative limit of organizations",
    path: "/users",
    sent: { body: { create_organizations_limit: -1 } },
    ...VALUE,
    longMessage: "-1 does not match one of the allowed values for parameter create_organizations_limit",
    param: "create_organizations_limit",
  },
  {
    name: "a digest without its algorithm",
    path: "/users",
    sent: { body: { password_digest: "$2a$" } },
    ...MISSING,
    longMessage: "password_hasher must be included.",
    param: "password_hasher",
  },
  {
    name: "an algorithm without a digest",
    path: "/users",
    sent: { body: { password_hasher: "bcrypt" } },
    ...MISSING,
    longMessage: "password_digest must be included.",
    param: "password_digest",
  },
  {
    name: "a wallet",
    path: "/users",
    sent: { body: { web3_wallet: ["0x1"] } },
    status: 403,
    code: "feature_not_enabled",
    message: "not enabled",
    longMessage: "This feature is not enabled on this instance",
  },
  {
    name: "a bulk ban without ids",
    path: "/users/ban",
    sent: { body: {} },
    ...MISSING,
    longMessage: "user_ids must be included.",
    param: "user_ids",
  },
  {
    name: "a bulk ban of an empty list",
    path: "/users/unban",
    sent: { body: { user_ids: [] } },
    ...MISSING,
    longMessage: "user_ids must be included.",
    param: "user_ids",
  },
  {
    name: "a bulk ban of 51",
    path: "/users/ban",
    sent: { body: { user_ids: Array(51).fill("user_1") } },
    status: 400,
    code: "bulk_size_exceeded",
    message: "bulk size exceeded",
    longMessage: "Parameters exceed the maximum allowed bulk processing size of 50.",
  },
  queryRow("limit", "limit=0", {
    ...VALUE,
    longMessage: "0 does not match one of the allowed values for parameter limit",
  }),
  queryRow("limit", "limit=501", {
    ...VALUE,
    longMessage: "501 does not match one of the allowed values for parameter limit",
  }),
  queryRow("limit", "limit=ten", { ...TYPE, longMessage: "`limit` must be a `integer`." }),
  queryRow("offset", "offset=-1", {
    ...VALUE,
    longMessage: "-1 does not match one of the allowed values for parameter offset",
  }),
  queryRow("order_by", "order_by=age", {
    ...VALUE,
    longMessage: "age does not match one of the allowed values for parameter order_by",
  }),
  queryRow("order_by", "order_by=constructor", {
    ...VALUE,
    longMessage: "constructor does not match one of the allowed values for parameter order_by",
  }),
  queryRow("banned", "banned=", { ...TYPE, longMessage: "`banned` must be a `boolean`." }),
  queryRow("created_at_after", "created_at_after=", {
    ...TYPE,
    longMessage: "`created_at_after` must be a `integer`.",
  }),
  queryRow("banned", "banned=maybe", { ...TYPE, longMessage: "`banned` must be a `boolean`." }),
  queryRow("created_at_before", "created_at_before=now", {
    ...TYPE,
    longMessage: "`created_at_before` must be a `integer`.",
  }),
  queryRow("last_active_at_after", "last_active_at_after=1.5", {
    ...TYPE,
    longMessage: "`last_active_at_after` must be a `integer`.",
  }),
  queryRow("user_id", Array(101).fill("user_id=a").join("&"), {
    ...FORMAT,
    longMessage: "user_id must have at most 100 items.",
  }),
  queryRow("starting_after", "starting_after=user_1&order_by=username", {
    ...FORMAT,
    longMessage: "starting_after needs an order_by of created_at.",
  }),
  queryRow("starting_after", "starting_after=user_1&offset=1", {
    ...FORMAT,
    longMessage: "starting_after cannot be combined with an offset.",
  }),
  queryRow("starting_after", "starting_after=user_nobody", {
    ...VALUE,
    longMessage: "user_nobody does not match one of the allowed values for parameter starting_after",
  }),
];
