/** Creates and changes users of the dialect for tests. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Running, startService } from "../../../support/service.ts";
import { type Answered, send, type UserJson } from "./clients.ts";

export function startClerk(t: TestContext): Promise<Running> {
  return startService(t, { config: { dialects: ["clerk"] } });
}

export function userIn({ status, json }: Answered): UserJson {
  assert.equal(status, 200, JSON.stringify(json));
  return json as UserJson;
}

export async function create(url: string, body: object): Promise<UserJson> {
  return userIn(await send(url, "/users", { body }));
}

export async function patch(url: string, id: string, body: object, path = ""): Promise<UserJson> {
  return userIn(await send(url, `/users/${id}${path}`, { method: "PATCH", body }));
}

export interface IdentificationJson {
  readonly id: string;
  readonly email_address?: string;
  readonly phone_number?: string;
  readonly reserved: boolean;
  readonly verification: { readonly status: string } | null;
}

export function emailsOf(user: UserJson): readonly IdentificationJson[] {
  return user.email_addresses as readonly IdentificationJson[];
}

export function phonesOf(user: UserJson): readonly IdentificationJson[] {
  return user.phone_numbers as readonly IdentificationJson[];
}
