/** Lists and maps are measured before their items are judged, wherever they stand in a request. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, getOption } from "@bufbuild/protobuf";
import { field as fieldRules } from "../../gen/buf/validate/validate_pb.ts";
import { AdminService } from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { ApiKeyService } from "../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { OrganizationService } from "../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { PolicyService, UpdatePolicyRequestSchema } from "../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import * as pb from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { validate } from "../../src/service/validation.ts";

const SERVICES = [
  AdminService,
  ApiKeyService,
  OrganizationService,
  PolicyService,
  SessionService,
  SignInService,
  pb.UserService,
];

/** Lists and maps below a message whose size no rule bounds. */
function unbounded(desc: DescMessage, seen: Set<DescMessage>): string[] {
  if (seen.has(desc) || desc.typeName.startsWith("google.protobuf.")) return [];
  seen.add(desc);
  return desc.fields.flatMap((field) => {
    const { type } = getOption(field, fieldRules);
    const max = type.case === "repeated" ? type.value.maxItems : type.case === "map" ? type.value.maxPairs : 0n;
    const isMany = field.fieldKind === "list" || field.fieldKind === "map";
    return [
      ...(isMany && max === 0n ? [`${desc.typeName}.${field.name}`] : []),
      ...(field.message === undefined ? [] : unbounded(field.message, seen)),
    ];
  });
}

test("every list and map of a request has a size that it may not exceed", () => {
  const inputs = SERVICES.flatMap(({ methods }) => methods.map(({ input }) => input));
  assert.deepEqual(
    inputs.flatMap((input) => unbounded(input, new Set())),
    [],
  );
});

test("of a list that is too long nothing else is said, a list of a nested message and a mask among them", () => {
  const many = Array<string>(9_000).fill("");
  const list = validate(
    pb.ListUsersRequestSchema,
    create(pb.ListUsersRequestSchema, { reasonCodes: many, pageSize: -1 }),
  );
  assert.deepEqual(list?.fields, [
    { field: "reason_codes", description: "a list of 9000 is not allowed; at most 20 items are allowed" },
  ]);
  const policy = create(UpdatePolicyRequestSchema, {
    values: { limits: many.map(() => ({})) },
    updateMask: { paths: many },
  });
  assert.deepEqual(validate(UpdatePolicyRequestSchema, policy)?.fields, [
    { field: "values.limits", description: "a list of 9000 is not allowed; at most 10 items are allowed" },
    { field: "update_mask", description: "a mask of 9000 paths is not allowed; at most 100 paths are allowed" },
  ]);
  const attributes = Object.fromEntries(many.map((_, i) => [`n${i}`, {}]));
  const map = validate(pb.CreateUserRequestSchema, create(pb.CreateUserRequestSchema, { attributes }));
  assert.deepEqual(map?.fields, [
    { field: "attributes", description: "a map of 9000 is not allowed; at most 32 entries are allowed" },
  ]);
});

test("an item that is validated separately does not affect the others, however large", () => {
  const restrictions = Array.from({ length: 7 }, () => ({}));
  const request = create(pb.ImportUsersRequestSchema, { users: [{ userId: "a", restrictions }] });
  assert.equal(validate(pb.ImportUsersRequestSchema, request), undefined);
  const [item] = request.users;
  assert.match(validate(pb.ImportUserSchema, item as pb.ImportUser)?.message ?? "", /^restrictions: a list of 7 /);
});

test("the key of a map stands in a path no longer than it can be read", () => {
  const request = create(pb.CreateUserRequestSchema, { attributes: { ["x".repeat(100_000)]: {} } });
  const [violation] = validate(pb.CreateUserRequestSchema, request)?.fields ?? [];
  assert.ok((violation?.field.length ?? 0) <= 201);
});
