/** The contract's rules for a person, for handlers whose requests have other rules. */
import { create, type JsonObject } from "@bufbuild/protobuf";
import { ProfileSchema } from "../../gen/lockkeeper/resource/v1/profile_pb.ts";
import { CreateUserRequestSchema } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import type { PersonInput } from "../domain/command.ts";
import { RefusalError } from "../domain/refusal.ts";
import { validate } from "./validation.ts";

/**
 * Throws FIELD_INVALID, with our own field names (`profile.email`), for a person that CreateUser would refuse: a
 * dialect must not store what our own API could not return.
 */
export function assertPerson({ profile, attributes }: PersonInput): void {
  const objects = Object.entries(attributes).map(([namespace, text]) => [namespace, JSON.parse(text) as JsonObject]);
  const request = create(CreateUserRequestSchema, {
    profile: create(ProfileSchema, { ...profile, emailVerified: profile.emailVerified ?? false }),
    attributes: Object.fromEntries(objects) as { [namespace: string]: JsonObject },
  });
  const refusal = validate(CreateUserRequestSchema, request);
  if (refusal !== undefined) throw new RefusalError(refusal);
}
