/** A service with the ZITADEL dialect, plain REST calls to it, and users in every state. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { Cause, RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { type HttpRequest, httpRequest } from "../../../support/http-client.ts";
import { type Running, type RunOptions, startService } from "../../../support/service.ts";

export interface RestCall extends Omit<HttpRequest, "body"> {
  /** An object is sent as JSON, text unchanged. */
  readonly body?: JsonObject | string;
  /** `x-zitadel-orgid`. */
  readonly organization?: string;
}

export interface RestReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly json: JsonObject;
}

export interface Lab extends Running {
  /** `POST /v2/users/a/lock`, with the method in front of the path. */
  readonly rest: (request: string, call?: RestCall) => Promise<RestReply>;
}

/** A service that speaks the dialect. */
export async function startLab(t: TestContext, options: RunOptions = {}): Promise<Lab> {
  const running = await startService(t, { ...options, config: { dialects: ["zitadel"], ...options.config } });
  return {
    ...running,
    async rest(request, { body, organization, headers, ...call } = {}) {
      const [method = "", path = ""] = request.split(" ");
      const {
        status,
        headers: answered,
        text,
      } = await httpRequest(running.url, path, {
        ...call,
        method,
        headers: { ...headers, ...(organization === undefined ? {} : { "x-zitadel-orgid": organization }) },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return { status, headers: answered, json: JSON.parse(text) as JsonObject };
    },
  };
}

/** The states of a user that the dialect distinguishes. */
export const STARTS = [
  "ACTIVE",
  "INITIAL",
  "LOCKED",
  "INITIAL_LOCKED",
  "INITIAL_INACTIVE",
  "LOCK_SCHEDULED",
  "INACTIVE",
  "INACTIVE_LOCKED",
  "INACTIVE_BY_DIRECTORY",
  "BANNED",
  "BANNED_LOCKED",
  "BANNED_INACTIVE",
  "DELETED",
  "MISSING",
] as const;
export type Start = (typeof STARTS)[number];

const RESTRICTIONS: Readonly<Partial<Record<Start, readonly RestrictionKind[]>>> = {
  LOCKED: [RestrictionKind.LOCK],
  INITIAL_LOCKED: [RestrictionKind.LOCK],
  INITIAL_INACTIVE: [RestrictionKind.DEACTIVATION],
  INACTIVE: [RestrictionKind.DEACTIVATION],
  INACTIVE_LOCKED: [RestrictionKind.DEACTIVATION, RestrictionKind.LOCK],
  BANNED: [RestrictionKind.BAN],
  BANNED_LOCKED: [RestrictionKind.BAN, RestrictionKind.LOCK],
  BANNED_INACTIVE: [RestrictionKind.BAN, RestrictionKind.DEACTIVATION],
};

/** Creates one user in each of these states with our own API; `nameOf` returns the id. */
export async function makeUsers(
  { users }: Running,
  starts: readonly Start[],
  nameOf: (start: Start) => string,
): Promise<void> {
  const present = starts.filter((start) => start !== "MISSING");
  const { results } = await users.importUsers({
    users: present.map((start) => ({
      userId: nameOf(start),
      attributes: start.startsWith("INITIAL") ? { "zitadel.initial": {} } : {},
      restrictions: [
        ...(RESTRICTIONS[start] ?? []).map((kind) => ({
          kind,
          cause: Cause.ADMIN,
          expiry: { case: "never" as const, value: true },
        })),
        ...(start === "INACTIVE_BY_DIRECTORY"
          ? [
              {
                kind: RestrictionKind.DEACTIVATION,
                cause: Cause.DIRECTORY,
                expiry: { case: "never" as const, value: true },
              },
            ]
          : []),
      ],
    })),
  });
  assert.equal(results.length, present.length);
  for (const start of present) {
    if (start === "DELETED") await users.deleteUser({ userId: nameOf(start) });
    if (start === "LOCK_SCHEDULED") {
      const startTime = { seconds: 4_000_000_000n, nanos: 0 };
      await users.lockUser({ userId: nameOf(start), startTime, expiry: { case: "never", value: true } });
    }
  }
}

/** The form of every error of the dialect over REST. */
export function errorBody(code: number, text: string, id: string): JsonObject {
  return {
    code,
    message: `${text} (${id})`,
    details: [{ "@type": "type.googleapis.com/zitadel.v1.ErrorDetail", id, message: text }],
  };
}
