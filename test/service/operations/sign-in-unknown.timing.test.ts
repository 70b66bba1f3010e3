/** The time of an answer does not reveal whether a user exists. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scaled } from "../../support/scale.ts";
import { begin, complete, limit, startGate } from "../support/sign-ins.ts";

test("P5 who is nobody, concealed, takes as long as somebody", async (t) => {
  const gate = await startGate(t, { limits: limit(100), concealUnknown: true });
  await gate.users.createUser({ userId: "bob", profile: { username: "bob" } });
  const rounds = scaled({ quick: 80, soak: 2_000 });
  const times: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
  for (let i = 0; i < rounds; i++) {
    for (const [kind, identifier] of [
      ["known", "bob"],
      ["unknown", "nobody"],
    ] as const) {
      const beginTime = performance.now();
      const { attemptId } = await begin(gate, { identifier });
      times[kind].push(performance.now() - beginTime);
      await complete(gate, attemptId, false);
    }
  }
  const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  const [known, unknown] = [median(times.known), median(times.unknown)];
  t.diagnostic(`median of Begin: ${known.toFixed(2)} ms for somebody, ${unknown.toFixed(2)} ms for nobody`);
  assert.ok(Math.abs(known - unknown) < 0.35 * Math.max(known, unknown), `${known} ms and ${unknown} ms`);
});
