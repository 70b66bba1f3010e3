/** All large bodies together are bounded: those beyond are refused, small ones and later ones are not. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { type Lab, startLab } from "../support/lab.ts";
import { answerOf, jsonHeader, open, openSession, request } from "../support/raw.ts";

const BODY = Buffer.from(JSON.stringify({ text: "x".repeat(150_000) }));
const REST = { path: "/v1/say", header: jsonHeader };
const CONNECT = { path: "/lab.v1.LabService/Echo", header: jsonHeader };

describe("large bodies", () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab({ limits: { largeBodiesBytesMax: 310_000 } });
  });
  after(() => lab.stop());

  test("are refused beyond what all together may have, and find room again", async () => {
    const session = await openSession(lab);
    const streams = [REST, CONNECT].map((wire) => open(session, { ...wire, body: "open" }));
    const answers = streams.map(answerOf);
    await Promise.all(streams.map((stream) => new Promise((sent) => stream.write(BODY.subarray(0, 140_000), sent))));
    // The frames before it have been taken when it comes back.
    await new Promise((back) => session.ping(back));
    for (const wire of [REST, CONNECT]) {
      const answer = await request(session, { ...wire, body: BODY });
      assert.equal(answer.status, 429);
      assert.match(answer.body.toString(), /may have 310000 bytes together/);
    }
    const small = await request(session, { ...REST, body: Buffer.from('{"text":"a"}') });
    assert.equal(small.status, 200);
    for (const stream of streams) stream.end(BODY.subarray(140_000));
    for (const answer of answers) assert.equal((await answer).status, 200);
    assert.equal((await request(session, { ...CONNECT, body: BODY })).status, 200);
    assert.ok(lab.records.some(({ code }) => code === Code.ResourceExhausted));
    session.close();
  });
});
