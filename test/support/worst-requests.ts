/** The worst requests of each kind, one row each: what one caller sends to keep everybody else waiting. */
import { type DescMethod, fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { EventService } from "../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { PolicyService } from "../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import type { clientsOf } from "./service.ts";
import { frame, type RawRequest } from "./wires.ts";

/** A request with its wire, ready to be sent. */
export interface WireRequest {
  readonly wire: string;
  readonly http: "1.1" | "2";
  readonly request: RawRequest;
}

/** One kind of large request, as it looks on each wire where it can be sent. Requests are made once, before anything is measured. */
export interface WorstRequest {
  readonly name: string;
  readonly make: () => readonly WireRequest[];
  /** Makes what the requests are about, before anything is measured. */
  readonly prepare?: (clients: ReturnType<typeof clientsOf>) => Promise<unknown>;
  /** How many are sent at once on each wire. Absent: 1. */
  readonly times?: number;
  /** What is not within the bounds yet, and why; the row is skipped. */
  readonly pending?: string;
  /** `OK`, or the reason of a refusal: what the answers may be. */
  readonly answers: readonly string[];
}

/** Bodies are refused beyond this, on the wire and after decompression. */
const BODY_BYTES_MAX = 256 * 1024;
const IMPORT_BYTES_MAX = 4 * 1024 * 1024;

const POST = { te: "trailers" };

/** The same bytes of protobuf on the wires that carry them. */
function binaryWires(method: DescMethod, bytes: Uint8Array): WireRequest[] {
  const path = `/${method.parent.typeName}/${method.name}`;
  const request = (contentType: string, body: Uint8Array): RawRequest => ({
    path,
    headers: { ...POST, "content-type": contentType },
    body,
  });
  return [
    { wire: "gRPC", http: "2", request: request("application/grpc", frame(bytes)) },
    { wire: "gRPC-Web", http: "1.1", request: request("application/grpc-web+proto", frame(bytes)) },
    { wire: "Connect", http: "1.1", request: request("application/proto", bytes) },
  ];
}

function jsonWires(
  method: DescMethod,
  text: string,
  rest?: Partial<RawRequest> & Pick<RawRequest, "path">,
): WireRequest[] {
  const headers = { "content-type": "application/json" };
  const body = Buffer.from(text);
  const path = `/${method.parent.typeName}/${method.name}`;
  return [
    { wire: "Connect with JSON", http: "1.1", request: { path, headers, body } },
    ...(rest === undefined ? [] : [{ wire: "REST", http: "1.1" as const, request: { headers, body, ...rest } }]),
  ];
}

/** One message on every wire. `path`: of a POST that takes the message as it is. */
export function allWires(method: DescMethod, message: JsonObject, path?: string): WireRequest[] {
  return [
    ...binaryWires(method, toBinary(method.input, fromJson(method.input, message))),
    ...jsonWires(method, JSON.stringify(message), path === undefined ? undefined : { path }),
  ];
}

/** A GET, which REST alone has. */
export function get(path: string): WireRequest {
  return { wire: "REST", http: "1.1", request: { method: "GET", path, headers: {}, body: Buffer.alloc(0) } };
}

/** A message as the body of a method of REST. */
export function rest(method: string, path: string, message: JsonObject): WireRequest {
  const headers = { "content-type": "application/json" };
  return { wire: "REST", http: "1.1", request: { method, path, headers, body: Buffer.from(JSON.stringify(message)) } };
}

/** A field of protobuf that is delimited by its length. */
function delimited(tag: number, body: Uint8Array): Buffer {
  const length: number[] = [];
  for (let rest = body.byteLength; ; rest >>>= 7) {
    length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) return Buffer.concat([Buffer.from([(tag << 3) | 2, ...length]), body]);
  }
}

/** The entry `{"a": {"k": [[], [], …]}}` of the field `attributes`, number 4, in so many bytes. */
function emptyLists(bytes: number): Buffer {
  const value = Buffer.alloc(bytes - (bytes % 4), Buffer.from([0x0a, 2, 0x32, 0]));
  const entry = (inner: Uint8Array): Buffer => Buffer.concat([delimited(1, Buffer.from("a")), delimited(2, inner)]);
  return delimited(4, entry(delimited(1, entry(delimited(6, value)))));
}

const { createUser, importUsers, listUserEvents, listUsers, updateUser } = UserService.method;
const { listEvents } = EventService.method;
const ROOM = 100;
const IMPORT = "/v1/users:import";

/** One wire of each kind, where those of one kind do not differ. `left`: of what takes long, what another row has. */
export function oneOfEach(requests: readonly WireRequest[], left?: string): WireRequest[] {
  return requests.filter(({ wire }) => !["gRPC-Web", "Connect", left].includes(wire));
}

/** A value of so many empty lists. */
export function manyLists(count: number): JsonObject[string] {
  return Array<never[]>(count).fill([]);
}

/** 50 comparisons in 2,000 characters. `end`: what follows them. */
function longestFilter(end: string): string {
  const users = Array.from({ length: 50 }, (_, i) => `user=${String(i).padStart(30, "u")}`).join(" OR ");
  return `(${users})${end}`.padEnd(2_000);
}

/** As many as one import takes, each with these attributes. */
function users(attributes: JsonObject): JsonObject[] {
  return Array.from({ length: 1_000 }, (_, i) => ({ userId: `i${i}`, attributes: { a: attributes } }));
}

export const WORST_REQUESTS: readonly WorstRequest[] = [
  {
    name: "a path of an RPC with thousands of slashes inside",
    answers: ["METHOD_NOT_SERVED"],
    make: () =>
      binaryWires(listUsers, Buffer.alloc(0)).map(({ request, ...wire }) => ({
        ...wire,
        request: { ...request, path: `/${listUsers.parent.typeName}/${"/".repeat(14_000)}x` },
      })),
  },
  {
    name: "ListUsers with hundreds of thousands of states",
    answers: ["REQUEST_TOO_LARGE", "FIELD_INVALID"],
    make: () => [
      ...binaryWires(listUsers, delimited(4, Buffer.alloc(BODY_BYTES_MAX - ROOM))),
      ...jsonWires(listUsers, JSON.stringify({ states: Array<number>(120_000).fill(0) })),
      get(`/v1/users?${"states=0&".repeat(1_500)}`),
    ],
  },
  {
    name: "ListUsers with as many reason codes as the body holds",
    answers: ["REQUEST_TOO_LARGE", "FIELD_INVALID"],
    make: () => [
      ...binaryWires(listUsers, Buffer.alloc(BODY_BYTES_MAX - ROOM, Buffer.from([0x32, 0]))),
      ...jsonWires(listUsers, JSON.stringify({ reasonCodes: Array<string>(80_000).fill("") })),
      get(`/v1/users?${"reasonCodes&".repeat(1_200)}`),
    ],
  },
  {
    name: "ListUsers with as many states as are counted",
    answers: ["FIELD_INVALID"],
    make: () => allWires(listUsers, { states: Array<number>(9_900).fill(0) }),
  },
  {
    name: "UpdateUser with as many paths in its mask as the body holds",
    answers: ["FIELD_INVALID"],
    make: () => allWires(updateUser, { userId: "alice", updateMask: "profile.email,".repeat(9_000).slice(0, -1) }),
  },
  {
    name: "CreateUser with attributes of empty lists",
    answers: ["REQUEST_TOO_LARGE"],
    make: () => [
      ...binaryWires(createUser, emptyLists(BODY_BYTES_MAX - ROOM)),
      ...jsonWires(createUser, `{"attributes":{"a":{"k":[${"[],".repeat(86_000)}[]]}}}`, { path: "/v1/users" }),
    ],
  },
  {
    name: "ImportUsers of one user with attributes of empty lists",
    answers: ["REQUEST_TOO_LARGE"],
    make: () => [
      ...oneOfEach(binaryWires(importUsers, delimited(2, emptyLists(IMPORT_BYTES_MAX - ROOM)))),
      ...jsonWires(importUsers, `{"users":[{"userId":"a","attributes":{"a":{"k":[${"[],".repeat(1_390_000)}[]]}}}]}`, {
        path: IMPORT,
      }),
    ],
  },
  {
    name: "ImportUsers of empty lists in an envelope with unknown flags",
    answers: ["REQUEST_MALFORMED"],
    make: () =>
      binaryWires(importUsers, delimited(2, emptyLists(IMPORT_BYTES_MAX - ROOM)))
        .filter(({ wire }) => wire !== "Connect")
        .map(({ request: { body, ...rest }, ...wire }) => {
          const flagged = Buffer.from(body);
          flagged.writeUInt8(2, 0);
          return { ...wire, request: { ...rest, body: flagged } };
        }),
  },
  {
    name: "CreateUser with as many values as are counted",
    answers: ["USER_ALREADY_EXISTS"],
    make: () => allWires(createUser, { userId: "alice", attributes: { a: { k: manyLists(9_900) } } }, "/v1/users"),
  },
  {
    name: "ImportUsers with as many values as are counted, and a request id",
    answers: ["OK"],
    make: () => oneOfEach(allWires(importUsers, { requestId: "r", ifExists: 3, users: users({ k: manyLists(14) }) })),
  },
  {
    name: "ImportUsers of 4 MiB of text",
    answers: ["OK"],
    make: () =>
      oneOfEach(
        allWires(importUsers, { requestId: "t", ifExists: 3, users: users({ k: "\u00e9".repeat(1_950) }) }, IMPORT),
        "Connect with JSON",
      ),
  },
  {
    name: "ImportUsers of 4 MiB that are not JSON at their end",
    answers: ["REQUEST_MALFORMED"],
    make: () => jsonWires(importUsers, `{"organizationId":"${"\\n".repeat(2_090_000)}"`, { path: IMPORT }),
  },
  {
    name: "ImportUsers of 1,000 users with a fault each",
    answers: ["OK"],
    make: () => {
      const attributes = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`Bad${i}`, {}]));
      return oneOfEach(
        allWires(importUsers, { users: Array<JsonObject>(1_000).fill({ attributes }) }, IMPORT),
        "Connect with JSON",
      );
    },
  },
  {
    name: "10 ListUsers of 1,000 at once",
    answers: ["OK"],
    times: 10,
    make: () => [
      ...allWires(listUsers, { pageSize: 1_000 }).filter(({ wire }) => wire === "gRPC"),
      get("/v1/users?pageSize=1000"),
    ],
  },
  {
    name: "10 ListUserEvents with a forged page token of a sequence far below 0",
    answers: ["FIELD_INVALID"],
    times: 10,
    make: () => {
      const pageToken = Buffer.from('[1,"AAAAAAAAAAA",-9007199254740991]').toString("base64url");
      return [
        ...allWires(listUserEvents, { userId: "alice", order: "EVENT_ORDER_OLDEST_FIRST", pageToken }),
        get(`/v1/users/alice/events?order=EVENT_ORDER_OLDEST_FIRST&pageToken=${pageToken}`),
      ];
    },
  },
  {
    name: "20 ListEvents with the longest filter, one that ends too early, or the longest forged page token",
    answers: ["OK", "FIELD_INVALID"],
    times: 20,
    make: () =>
      [
        { filter: longestFilter("") },
        { filter: longestFilter(" AND") },
        { pageToken: Buffer.alloc(1_500, 1).toString("base64url") },
      ].flatMap((message) => oneOfEach(allWires(listEvents, message))),
  },
  {
    name: "50 lists at once that look at all and find nothing",
    answers: ["OK"],
    times: 50,
    make: () =>
      [
        { states: ["STATE_DELETED"], showDeleted: true },
        { states: ["STATE_ACTIVE"], reasonCodes: ["NONE"], order: "USER_ORDER_CHANGE_DATE_DESC" },
      ].flatMap((filter) => oneOfEach(allWires(listUsers, filter))),
  },
  {
    name: "20 simulations of a policy at once",
    answers: ["OK"],
    times: 20,
    make: () => oneOfEach(allWires(PolicyService.method.simulatePolicy, {}, "/v1/policy:simulate")),
  },
];
