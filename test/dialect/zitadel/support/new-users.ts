/** Users as the tests of the dialect create them, by each of its services. */
import assert from "node:assert/strict";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Lab, RestReply } from "./lab.ts";

export const PROFILE_V1 = { firstName: "Alice", lastName: "Liddell" };
export const PROFILE = { givenName: "Alice", familyName: "Liddell" };
export const EMAIL = { email: "alice@example.com" };

export function addV1({ rest }: Lab, body: JsonObject, path = "human"): Promise<RestReply> {
  const user = { userName: "alice", profile: PROFILE_V1, email: EMAIL, ...body };
  return rest(`POST /management/v1/users/${path}`, { body: user });
}

export function addV2({ rest }: Lab, body: JsonObject, version = "v2"): Promise<RestReply> {
  return rest(`POST /${version}/users/human`, { body: { profile: PROFILE, email: EMAIL, ...body } });
}

export function create({ rest }: Lab, body: JsonObject): Promise<RestReply> {
  return rest("POST /zitadel.user.v2.UserService/CreateUser", { body: { organizationId: "default", ...body } });
}

export function createV3(
  { rest }: Lab,
  user: JsonObject,
  organization = "?organization.orgId=default",
): Promise<RestReply> {
  return rest(`POST /resources/v3alpha/users${organization}`, { body: { schemaId: "employee", ...user } });
}

export async function shown({ rest }: Lab, id: unknown): Promise<JsonObject> {
  const { status, json } = await rest(`GET /v2/users/${String(id)}`);
  assert.equal(status, 200, JSON.stringify(json));
  return json.user as JsonObject;
}
