/** Generated requests for the foreign APIs. */
import { test } from "node:test";
import { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import { ZITADELUsers } from "@zitadel/proto/zitadel/resources/user/v3alpha/user_service_pb.js";
import { SessionService } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import { UserService } from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import { UserService as BetaUserService } from "@zitadel/proto/zitadel/user/v2beta/user_service_pb.js";
import { runHostile } from "../support/hostile-run.ts";
import type { Random } from "../support/random.ts";
import { randomString } from "../support/random-message.ts";
import { type GeneratedRequest, randomRequest } from "../support/random-request.ts";
import { scaled } from "../support/scale.ts";

const REQUESTS = scaled({ quick: 2_000, soak: 200_000 });

/** The served methods, and of each service one that is not served. */
const SERVED = /^(?:(?:Un)?[Ll]ock|(?:De|Re)?[Aa]ctivate|Delete|Remove|Get|List|Create|Set|Add|Import|Bulk)/;
const METHODS = [ManagementService, ZITADELUsers, SessionService, UserService, BetaUserService]
  .flatMap((service) => service.methods)
  .filter(({ name, methodKind }) => methodKind === "unary" && SERVED.test(name) && /User|Session/.test(name));

const CLERK_PATHS = ["users", "users/count", "users/ban", "users/unban", "sessions"].concat(
  ["", "/lock", "/unlock", "/ban", "/unban", "/metadata"].map((act) => `users/{}${act}`),
  ["", "/revoke", "/verify"].map((act) => `sessions/{}${act}`),
);
const CLERK_QUERIES = [
  "",
  "?limit=1",
  "?limit=-1",
  "?order_by=-created_at",
  "?banned=true",
  "?query=%00",
  "?user_id[]=u1",
];

function clerkRequest(random: Random): GeneratedRequest {
  const id = (): string => encodeURIComponent(randomString(random)).slice(0, 600);
  const text = (): string => randomString(random);
  const body = {
    username: text(),
    email_address: [text()],
    banned: true,
    user_ids: [text(), text()],
    public_metadata: { a: text() },
  };
  return {
    wire: "Clerk",
    http: random.pick(["1.1", "2"] as const),
    request: {
      method: random.pick(["GET", "POST", "PATCH", "DELETE"]),
      path: `/clerk/v1/${random.pick(CLERK_PATHS).replace("{}", id)}${random.pick(CLERK_QUERIES)}`,
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify(body)),
    },
  };
}

test(`${REQUESTS} generated requests for foreign APIs: no crash, no hang, no fault, flat memory`, async (t) => {
  await runHostile(t, {
    requests: REQUESTS,
    arguments: ["--dialects", "clerk,zitadel"],
    make: (random) => (random.below(3) === 0 ? clerkRequest(random) : randomRequest(random, METHODS)),
  });
});
