/** A call that is refused early is answered as connect-es would answer it: both are compared, byte by byte. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type RawAnswer, RawClient, type RawRequest } from "../../support/wires.ts";
import { labRefusal, withLab } from "../support/lab.ts";

const PATH = "/grpc.health.v1.Health/Check";
const FRAME = Buffer.from([0, 0, 0, 0, 0]);
const FORMS: readonly (readonly [type: string, body: Buffer, http: readonly ("1.1" | "2")[]])[] = [
  ["application/grpc", FRAME, ["2"]],
  ["application/grpc+proto", FRAME, ["2"]],
  ["application/grpc+json", Buffer.from([0, 0, 0, 0, 2, 0x7b, 0x7d]), ["2"]],
  ["application/grpc-web", FRAME, ["1.1", "2"]],
  ["application/grpc-web+proto", FRAME, ["1.1", "2"]],
  ["application/grpc-web-text", Buffer.from(FRAME.toString("base64")), ["1.1", "2"]],
  ["application/proto", Buffer.alloc(0), ["1.1", "2"]],
  ["application/json", Buffer.from("{}"), ["1.1", "2"]],
];

/** Returns all of an answer except its date, the pieces of its body, and the end of the connection. */
function comparable({ status, headers, trailers, body }: RawAnswer): object {
  const kept = Object.entries(headers).filter(
    ([name]) => !/^(?:date|content-length|transfer-encoding|connection|keep-alive|trailer)$/.test(name),
  );
  return { status, headers: Object.fromEntries(kept.sort()), trailers, body: body.toString("latin1") };
}

async function answersOf(refuse: () => string | Promise<string>): Promise<readonly (readonly [string, object])[]> {
  const answers: [string, object][] = [];
  await withLab({ anyone: refuse }, async (lab) => {
    const client = new RawClient(lab.url);
    for (const [type, body, versions] of FORMS) {
      for (const http of versions) {
        const request: RawRequest = { path: PATH, headers: { "content-type": type, te: "trailers" }, body };
        answers.push([`${type}, HTTP/${http}`, comparable(await client.send(http, request))]);
      }
    }
    client.close();
    assert.deepEqual(
      lab.records.map(({ code, admission }) => [code, admission]),
      answers.map(() => [9, undefined]),
    );
  });
  return answers;
}

test("an early refusal reads like a late one, on every wire", async () => {
  const early = await answersOf(() => {
    throw labRefusal();
  });
  const late = await answersOf(async () => {
    throw labRefusal();
  });
  assert.deepEqual(early, late);
  assert.match(JSON.stringify(early), /refused as asked/);
});

test("a fault in admit is not revealed, and admit runs once for each call", async () => {
  let asked = 0;
  await withLab(
    {
      anyone: () => {
        asked += 1;
        if (asked === 1) throw new Error("the credential reader broke");
        return "open";
      },
    },
    async (lab) => {
      const client = new RawClient(lab.url);
      const request: RawRequest = {
        path: PATH,
        headers: { "content-type": "application/json" },
        body: Buffer.from("{}"),
      };
      const broken = await client.send("1.1", request);
      assert.deepEqual(
        [broken.status, broken.body.toString()],
        [500, '{"code":"internal","message":"internal error"}'],
      );
      assert.match(String(lab.internals[0]), /the credential reader broke/);
      assert.equal((await client.send("1.1", request)).status, 200);
      assert.equal(asked, 2);
      client.close();
    },
  );
});
