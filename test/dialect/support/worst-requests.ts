/** The worst requests to dialects: lists of as many as there may be, and changes of as many values. */
import { UserService } from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import { allWires, get, manyLists, oneOfEach, rest, type WorstRequest } from "../../support/worst-requests.ts";

export const WORST_DIALECT_REQUESTS: readonly WorstRequest[] = [
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
    name: "10 ListSessions of ZITADEL by 1,000 ids at once",
    answers: ["OK"],
    times: 10,
    make: () => {
      const ids = Array.from({ length: 1_000 }, (_, i) => `s${i}`);
      return [rest("POST", "/v2/sessions/search", { queries: [{ idsQuery: { ids } }] })];
    },
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
