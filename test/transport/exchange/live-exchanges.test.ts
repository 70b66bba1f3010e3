/** Calls that end together, by a limit or with their connection, do not end in one turn of the event loop. */
import assert from "node:assert/strict";
import type * as http2 from "node:http2";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { type Lab, type LabOptions, withLab } from "../support/lab.ts";
import { grpcHeader, open, openSession } from "../support/raw.ts";

const CALLS = 600;
const STREAMS = 100;

interface Ending {
  readonly name: string;
  readonly options: LabOptions;
  readonly header?: Record<string, string>;
}

const ENDINGS: readonly Ending[] = [
  { name: "whose bodies are too slow", options: { limits: { requestTimeoutMs: 400 } } },
  { name: "whose deadlines pass", options: {}, header: { "grpc-timeout": "400m" } },
];

/** Opens calls without a body; the service waits for it. */
async function openCalls(lab: Lab, header: Record<string, string> = {}): Promise<http2.ClientHttp2Session[]> {
  const sessions: http2.ClientHttp2Session[] = [];
  for (let made = 0; made < CALLS; made += STREAMS) {
    const session = await openSession(lab);
    sessions.push(session);
    for (let at = 0; at < STREAMS; at++) {
      open(session, { path: "/lab.v1.LabService/Say", header: { ...grpcHeader, ...header }, body: "open" }).resume();
    }
    await new Promise((back) => session.ping(back));
  }
  return sessions;
}

for (const { name, options, header } of ENDINGS) {
  test(`${CALLS} calls ${name} at once are answered over several turns`, async () => {
    await withLab({ fastPath: true, ...options }, async (lab) => {
      const sessions = await openCalls(lab, header);
      let perTurnMax = 0;
      while (lab.records.length < CALLS) {
        const before = lab.records.length;
        await setImmediate();
        perTurnMax = Math.max(perTurnMax, lab.records.length - before);
      }
      assert.ok(perTurnMax < CALLS / 4, `${perTurnMax} calls ended in one turn`);
      assert.ok(lab.records.every(({ code }) => code === Code.DeadlineExceeded));
      for (const session of sessions) session.destroy();
    });
  });
}

test(`${CALLS} calls whose clients leave together end without an answer being made`, async (t) => {
  await withLab({ fastPath: true }, async (lab) => {
    const sessions = await openCalls(lab);
    // connect-es, which would answer, begins with one.
    const controllers = t.mock.method(globalThis, "AbortController", AbortController);
    for (const session of sessions) session.destroy();
    await lab.record(CALLS);
    assert.equal(controllers.mock.callCount(), 0);
    assert.ok(lab.records.every(({ code }) => code === Code.Canceled));
  });
});
