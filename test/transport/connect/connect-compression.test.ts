/** Compressed answers: their size, and the CPU time that compression takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { create, fromBinary, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf";
import { defer } from "../../support/cleanup.ts";
import { seededRandom } from "../../support/random.ts";
import { startLab } from "../support/lab.ts";
import { EchoRequestSchema, EchoResponseSchema } from "../support/lab-service.ts";
import { authorized, openSession, request } from "../support/raw.ts";

/** Limit of the CPU time of all threads for one call: at Brotli's quality 11 the compression alone takes twice as long. */
const CPU_MS_MAX = 100;

test("a large answer is compressed well within its bounds of CPU time", async (t) => {
  const lab = await startLab();
  defer(t, () => lab.stop());
  const session = await openSession(lab);
  defer(t, () => session.destroy());
  const random = seededRandom(t);
  const users = Array.from({ length: 4_300 }, (_, i) => ({
    userId: `user-${random.below(1e9)}`,
    email: `u${i}@example.com`,
  }));
  const text = JSON.stringify(users);
  const body = Buffer.from(toBinary(EchoRequestSchema, create(EchoRequestSchema, { text })));
  const ask = (coding: string) =>
    request(session, {
      path: "/lab.v1.LabService/Say",
      header: { ...authorized, "content-type": "application/proto", "accept-encoding": coding },
      body,
    });
  for (const [coding, decompress] of [
    ["br", brotliDecompressSync],
    ["gzip", gunzipSync],
  ] as const) {
    await ask(coding);
    const begin = process.cpuUsage();
    const answer = await ask(coding);
    const { user, system } = process.cpuUsage(begin);
    assert.deepEqual([answer.status, answer.header["content-encoding"]], [200, coding]);
    const said = toJson(EchoResponseSchema, fromBinary(EchoResponseSchema, decompress(answer.body)));
    assert.equal((said as JsonObject).text, text);
    assert.ok(answer.body.byteLength < body.byteLength / 3, `${answer.body.byteLength} of ${body.byteLength} bytes`);
    const cpuMs = (user + system) / 1000;
    t.diagnostic(`${coding}: ${cpuMs.toFixed(0)} ms, ${answer.body.byteLength} of ${body.byteLength} bytes`);
    assert.ok(cpuMs <= CPU_MS_MAX, `${coding} took ${cpuMs} ms of CPU time`);
  }
});
