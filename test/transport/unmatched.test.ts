/** A path without an RPC is refused in the form of the request's wire. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Code } from "@connectrpc/connect";
import { RawClient, type RawRequest, readAnswer } from "../support/wires.ts";
import { type Lab, startLab } from "./support/lab.ts";
import { frame } from "./support/raw.ts";

const SERVICE = "lab.v1.LabService";

/** A path, and the error for it. */
const STRAYS = [
  [`/${SERVICE}/Sya`, /lab\.v1\.LabService serves no RPC "Sya"; did you mean Say\?/],
  [`/${SERVICE}/Nothing`, /serves no RPC "Nothing"; allowed are Echo, Say, /],
  ["/lab.v1.LabServce/Say", /no service "lab\.v1\.LabServce" is served here; did you mean lab\.v1\.LabService\?/],
  ["/elsewhere.v1.Else/Say", /no service "elsewhere\.v1\.Else" is served here$/],
  [`/${SERVICE}/Say/`, /no trailing slash; did you mean \/lab\.v1\.LabService\/Say\?/],
] as const;

const EMPTY = frame(Buffer.alloc(0));
const GRPC_FORMS = [
  ["application/grpc", "grpc", ["2"], EMPTY],
  ["application/grpc+json", "grpc", ["2"], EMPTY],
  ["application/grpc-web+proto", "grpc-web", ["1.1", "2"], EMPTY],
  ["application/grpc-web-text", "grpc-web", ["1.1", "2"], Buffer.from(EMPTY.toString("base64"))],
] as const;

describe("an RPC that is not served", () => {
  let lab: Lab;
  let client: RawClient;
  before(async () => {
    lab = await startLab();
    client = new RawClient(lab.url);
  });
  after(async () => {
    client.close();
    await lab.stop();
  });

  it("is UNIMPLEMENTED with HTTP status 200 for gRPC and gRPC-Web", async () => {
    for (const [type, wire, versions, body] of GRPC_FORMS) {
      for (const [path, says] of STRAYS) {
        for (const version of versions) {
          const answer = await client.send(version, { path, headers: { "content-type": type, te: "trailers" }, body });
          const read = readAnswer(answer);
          assert.ok(typeof read === "object", `${type} ${path}`);
          assert.deepEqual([answer.status, read.code], [200, "Unimplemented"]);
          assert.match(decodeURIComponent(read.message), says);
          assert.match(answer.headers["content-type"] ?? "", new RegExp(`^application/${wire}`));
          const record = lab.records.at(-1);
          assert.deepEqual([record?.wire, record?.code, record?.method], [wire, Code.Unimplemented, undefined]);
        }
      }
    }
  });

  it("is Connect's own error JSON with 404 for Connect, and for a request to an RPC path that names no protocol", async () => {
    const requests: readonly Omit<RawRequest, "path">[] = [
      { headers: { "content-type": "application/proto" }, body: Buffer.alloc(0) },
      { headers: { "content-type": "application/json" }, body: Buffer.from("{}") },
      { headers: { "content-type": "application/connect+json" }, body: EMPTY },
      { method: "GET", headers: {}, body: Buffer.alloc(0) },
    ];
    for (const request of requests) {
      for (const [path, says] of STRAYS) {
        const answer = await client.send("1.1", { ...request, path });
        assert.deepEqual([answer.status, answer.headers["content-type"]], [404, "application/json"]);
        const { code, message } = JSON.parse(answer.body.toString()) as { code: string; message: string };
        assert.equal(code, "unimplemented");
        assert.match(message, says);
        assert.equal(lab.records.at(-1)?.wire, "connect");
      }
    }
    const headers = { "content-type": "application/json", "connect-protocol-version": "1" };
    const lower = await client.send("1.1", { path: "/v1/nowhere", headers, body: Buffer.from("{}") });
    assert.equal((JSON.parse(lower.body.toString()) as { code: string }).code, "unimplemented");
  });

  it("is REST's own if nothing points to an RPC", async () => {
    const headers = { "content-type": "application/json" };
    const answer = await client.send("1.1", { path: "/v1/nowhere", headers, body: Buffer.from("{}") });
    assert.deepEqual(
      [answer.status, (JSON.parse(answer.body.toString()) as { code: number }).code],
      [404, Code.NotFound],
    );
  });

  it("is refused in its own form if the HTTP method or the format of the messages is not served", async () => {
    const path = `/${SERVICE}/Say`;
    for (const method of ["DELETE", "PUT", "GET"]) {
      for (const [type, , versions, body] of GRPC_FORMS) {
        for (const version of versions) {
          const answer = await client.send(version, { method, path, headers: { "content-type": type }, body });
          const read = readAnswer(answer);
          assert.deepEqual([answer.status, typeof read === "object" && read.code], [200, "Unimplemented"]);
        }
      }
      const plain = { method, path, headers: { "content-type": "application/proto" }, body: Buffer.alloc(0) };
      const answer = await client.send("1.1", plain);
      const { code } = JSON.parse(answer.body.toString()) as { code: string };
      assert.deepEqual([answer.status, code, answer.headers.allow], [405, "unimplemented", "POST, OPTIONS"]);
    }
    for (const type of ["application/grpc+thrift", "application/grpc-web+thrift"]) {
      const answer = await client.send("2", { path, headers: { "content-type": type }, body: EMPTY });
      const read = readAnswer(answer);
      assert.deepEqual([answer.status, typeof read === "object" && read.code], [200, "Unimplemented"]);
    }
  });
});
