/** Every answer has the id of its call: the caller's own `x-request-id` if it is well formed, and the same as in the log. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RawClient, type RawRequest } from "../../support/wires.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { frame } from "../support/raw.ts";

const EMPTY = frame(Buffer.alloc(0));
const BADGE = { authorization: "Bearer one" };
const JSON_TYPE = { "content-type": "application/json" };

/** One request for each kind of answer: served, refused before its body, unmatched, and not HTTP. */
const REQUESTS: readonly (readonly [string, "1.1" | "2", RawRequest])[] = [
  [
    "gRPC",
    "2",
    { path: "/lab.v1.LabService/Say", headers: { ...BADGE, "content-type": "application/grpc" }, body: EMPTY },
  ],
  [
    "gRPC-Web",
    "1.1",
    { path: "/lab.v1.LabService/Say", headers: { ...BADGE, "content-type": "application/grpc-web" }, body: EMPTY },
  ],
  ["Connect", "1.1", { path: "/lab.v1.LabService/Say", headers: { ...BADGE, ...JSON_TYPE }, body: Buffer.from("{}") }],
  ["REST", "2", { path: "/v1/say", headers: { ...BADGE, ...JSON_TYPE }, body: Buffer.from("{}") }],
  ["REST, a stream", "1.1", { method: "GET", path: "/v1/count/2", headers: BADGE, body: Buffer.alloc(0) }],
  ["a failure", "2", { path: "/v1/say", headers: { ...BADGE, ...JSON_TYPE }, body: Buffer.from('{"act":"crash"}') }],
  [
    "gRPC without a credential",
    "2",
    { path: "/lab.v1.LabService/Say", headers: { "content-type": "application/grpc" }, body: EMPTY },
  ],
  [
    "Connect without a credential",
    "1.1",
    { path: "/lab.v1.LabService/Say", headers: JSON_TYPE, body: Buffer.from("{}") },
  ],
  ["REST without a credential", "1.1", { path: "/v1/say", headers: JSON_TYPE, body: Buffer.from("{}") }],
  [
    "an unknown RPC",
    "2",
    { path: "/lab.v1.LabService/No", headers: { "content-type": "application/grpc" }, body: EMPTY },
  ],
  ["an unknown path", "1.1", { path: "/v1/nowhere", headers: JSON_TYPE, body: Buffer.from("{}") }],
  ["plain HTTP", "1.1", { method: "GET", path: "/plain", headers: {}, body: Buffer.alloc(0) }],
  ["a probe", "1.1", { method: "GET", path: "/healthz", headers: {}, body: Buffer.alloc(0) }],
  ["OPTIONS", "2", { method: "OPTIONS", path: "/v1/say", headers: {}, body: Buffer.alloc(0) }],
  [
    "a preflight",
    "1.1",
    {
      method: "OPTIONS",
      path: "/v1/say",
      headers: { origin: "https://a.example", "access-control-request-method": "POST" },
      body: Buffer.alloc(0),
    },
  ],
];

describe("the id of a call", () => {
  let lab: Lab;
  let client: RawClient;
  before(async () => {
    lab = await startLab({ corsOrigins: ["https://a.example"] });
    client = new RawClient(lab.url);
  });
  after(async () => {
    client.close();
    await lab.stop();
  });

  it("is the caller's on every answer, and in the record", async () => {
    for (const [name, version, request] of REQUESTS) {
      const id = `req.${name.replaceAll(/\W/g, "-")}:1`;
      const count = lab.records.length;
      const answer = await client.send(version, { ...request, headers: { ...request.headers, "x-request-id": id } });
      assert.equal(answer.headers["x-request-id"], id, name);
      if (lab.records.length > count) assert.equal(lab.records.at(-1)?.id, id, name);
    }
    assert.ok(lab.records.length >= 11, `${lab.records.length} records`);
  });

  it("is one of the service's own if the caller gives none, or none that is safe in a log line", async () => {
    const headers = { ...BADGE, ...JSON_TYPE };
    const body = Buffer.from("{}");
    for (const id of [undefined, "", "a b", "a\tb", "ä", "x".repeat(101), '"', "-a", "a,b"]) {
      const given = id === undefined ? {} : { "x-request-id": id };
      const answer = await client.send("1.1", { path: "/v1/say", headers: { ...headers, ...given }, body });
      assert.match(answer.headers["x-request-id"] ?? "", /^call-\d+$/, id);
      assert.equal(lab.records.at(-1)?.id, answer.headers["x-request-id"]);
    }
  });
});
