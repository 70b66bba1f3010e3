/** A request to a dialect does not block the service or fill its memory: longest lists, changes of many values. */
import { test } from "node:test";
import { SessionService } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import { UserService } from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import * as dialects from "../../src/dialect/dialects.ts";
import { openLab, sendWorst } from "../support/bounded-work.ts";
import { allWires, get, manyLists, oneOfEach, rest, type WorstRequest } from "../support/worst-requests.ts";

const WORST_REQUESTS: readonly WorstRequest[] = [
  {
    name: "5 ListUsers of ZITADEL of 1,000 at once",
    answers: ["OK"],
    times: 5,
    make: () => [
      ...oneOfEach(allWires(UserService.method.listUsers, {}), "Connect with JSON"),
      rest("POST", "/v2beta/users", {}),
    ],
  },
  {
    name: "5 ListSessions of ZITADEL with as much metadata as an answer holds",
    answers: ["OK"],
    times: 5,
    prepare: async ({ sessions }) => {
      const metadata = Object.fromEntries(Array.from({ length: 1_100 }, (_, i) => [`k${i}`, "AA=="]));
      const attributes = { zitadel: { metadata } };
      for (let i = 0; i < 14; i++) await sessions.createSession({ userId: "alice", attributes });
    },
    make: () => oneOfEach(allWires(SessionService.method.listSessions, {}, "/v2/sessions/search"), "Connect with JSON"),
  },
  {
    name: "5 user lists of Clerk of 500 at once",
    answers: ["OK"],
    times: 5,
    make: () => [get("/clerk/v1/users?limit=500")],
  },
  {
    name: "a change of Clerk with as many values as are counted",
    answers: ["OK"],
    make: () => [rest("PATCH", "/clerk/v1/users/alice/metadata", { public_metadata: { k: manyLists(2_500) } })],
  },
];

test("the worst requests to dialects delay no other caller and leave no memory behind", async (t) => {
  const lab = await openLab(t, ["--dialects", Object.keys(dialects).join(",")]);
  await sendWorst(t, lab, WORST_REQUESTS);
});
