/** What the options of a mount change for gRPC, gRPC-Web and Connect. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withLab } from "../support/lab.ts";
import { jsonHeader, openSession, request } from "../support/raw.ts";

const SAY = "/lab.v1.LabService/Say";

describe("a mount", () => {
  it("leaves out the methods that it does not name", async () => {
    await withLab({ methods: ["echo"] }, async (small) => {
      const only = await openSession(small);
      assert.equal((await request(only, { path: SAY, header: jsonHeader, body: Buffer.from("{}") })).status, 404);
      const echo = { path: "/lab.v1.LabService/Echo", header: jsonHeader, body: Buffer.from("{}") };
      assert.equal((await request(only, echo)).status, 200);
    });
  });

  it("ignores unknown JSON members where it says so", async () => {
    await withLab({ unknownFields: "ignore" }, async (lenient) => {
      const other = await openSession(lenient);
      const body = Buffer.from('{"text": "a", "other": {"x": 1}}');
      assert.equal((await request(other, { path: SAY, header: jsonHeader, body })).status, 200);
    });
  });
});
