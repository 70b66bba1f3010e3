/** The constants of gen/lockkeeper/contract.ts are the enums of the descriptors and the bounds that the validator holds. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, createRegistry, type DescField, ScalarType } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { file_lockkeeper_apikey_v1_api_key_service as apiKeys } from "../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { BOUNDS, ENUMS } from "../../gen/lockkeeper/contract.ts";
import { file_lockkeeper_event_v1_event_service as events } from "../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { file_lockkeeper_organization_v1_organization_service as organizations } from "../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { file_lockkeeper_policy_v1_policy_service as policies } from "../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { file_lockkeeper_session_v1_session_service as sessions } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { file_lockkeeper_signin_v1_sign_in_service as signIns } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { file_lockkeeper_user_v1_user_service as users } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";

const services = [apiKeys, events, organizations, policies, sessions, signIns, users];
const registry = createRegistry(...services, ...services.flatMap(({ dependencies }) => dependencies));
const validator = createValidator({ registry });

/** A value of a field: that number, so many seconds, or so many items. */
function valueFor(field: DescField, number: number): unknown {
  if (field.fieldKind === "list") return Array.from({ length: number }, () => (field.listKind === "message" ? {} : ""));
  if (field.fieldKind === "message") return { seconds: BigInt(number), nanos: 0 };
  return field.fieldKind === "scalar" && field.scalar === ScalarType.INT64 ? BigInt(number) : number;
}

/** Whether a bound of the field refuses a value; other rules of it do not count. */
function isOutside(field: DescField, number: number): boolean {
  const value = valueFor(field, number);
  const init =
    field.oneof === undefined
      ? { [field.localName]: value }
      : { [field.oneof.localName]: { case: field.localName, value } };
  const { violations = [] } = validator.validate(field.parent, create(field.parent, init));
  return violations.some(({ ruleId, field: [first] }) => first === field && /max_items|[lg]te/.test(ruleId));
}

describe("gen/lockkeeper/contract.ts", () => {
  test("has every enum with its numbers", () => {
    const enums = [...registry]
      .filter(({ typeName }) => typeName.startsWith("lockkeeper."))
      .filter(({ kind }) => kind === "enum");
    assert.deepEqual(enums.map(({ typeName }) => typeName).sort(), Object.keys(ENUMS).sort());
    for (const [typeName, numbers] of Object.entries<Readonly<Record<string, number>>>(ENUMS)) {
      const values = registry.getEnum(typeName)?.values ?? [];
      const prefix = values[0]?.name.replace(/UNSPECIFIED$/, "") ?? "";
      const expected = values.slice(1).map(({ name, number }) => [name.slice(prefix.length), number]);
      assert.deepEqual(numbers, Object.fromEntries(expected), typeName);
    }
  });

  for (const [name, { min, max }] of Object.entries<{ readonly min?: number; readonly max: number }>(BOUNDS)) {
    test(`has the bounds of ${name}`, () => {
      const at = name.lastIndexOf(".");
      const field = registry.getMessage(name.slice(0, at))?.fields.find((each) => each.name === name.slice(at + 1));
      assert.ok(field);
      assert.deepEqual([isOutside(field, max), isOutside(field, max + 1)], [false, true]);
      if (min !== undefined) assert.deepEqual([isOutside(field, min), isOutside(field, min - 1)], [false, true]);
    });
  }
});
