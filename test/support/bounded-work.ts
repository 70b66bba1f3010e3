/** Measures what requests take of a service: CPU time of each turn, memory, and the heap that is left. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { defer } from "./cleanup.ts";
import { ADMIN_KEY, type Child, clientsOf, spawnService, temporaryFolder } from "./service.ts";
import type { ProbeAnswers } from "./turn-probe.ts";
import { type RawAnswer, RawClient, readAnswer } from "./wires.ts";
import type { WireRequest, WorstRequest } from "./worst-requests.ts";

/** Thread CPU time of one turn of the event loop. */
const TURN_MS_MAX = 20;
const GROWTH_BYTES_MAX = 64 * 1024 * 1024;
/** Of the heap after a forced collection. */
const HEAP_GROWTH_MAX = 1.1;
/** Of a refusal: its headers and trailers together, and its body. */
const REFUSAL_BYTES_MAX = 8 * 1024;
/** Of Node, as the launcher sets them: they decide how long a collection takes. */
const { NODE_OPTIONS: PRODUCTION_OPTIONS } = createRequire(import.meta.url)("../../bin/memory.cjs") as {
  readonly NODE_OPTIONS: readonly string[];
};
/** Of one thing, while its longest turn is too long. */
const MEASUREMENTS_MAX = 10;
/** Between two calls of the client that goes on. */
const PERIOD_MS = 10;
const ANSWER_MS_MAX = 60_000;
const USERS = 1_000;
/** Of each request of rows that send several at once: the others take long themselves. */
const WARMUPS = 3;

export interface Lab {
  readonly child: Child;
  readonly client: RawClient;
  /** Of the client that goes on. */
  readonly clients: ReturnType<typeof clientsOf>;
}

async function ask<W extends keyof ProbeAnswers>({ process: child }: Child, word: W): Promise<ProbeAnswers[W]> {
  child.send(word);
  const [{ answer }] = (await once(child, "message")) as [{ readonly answer: ProbeAnswers[W] }];
  return answer;
}

/** A service in a process of its own, with 1,000 users, and the clients that call it. */
export async function openLab(t: TestContext, serviceArguments: readonly string[] = []): Promise<Lab> {
  const child = await spawnService(t, {
    path: join(await temporaryFolder(t), "lockkeeper.db"),
    nodeArguments: [...PRODUCTION_OPTIONS, "--expose-gc", "--import", join(import.meta.dirname, "turn-probe.ts")],
    arguments: serviceArguments,
    channel: true,
  });
  const clients = clientsOf(child.url, ADMIN_KEY);
  const { users } = clients;
  await users.createUser({ userId: "alice" });
  const made = Array.from({ length: USERS }, (_, i) => ({ userId: `u${i}`, profile: { email: `u${i}@example.com` } }));
  await users.importUsers({ users: made });
  const client = new RawClient(child.url, ANSWER_MS_MAX);
  defer(t, () => client.close());
  return { child, client, clients };
}

function send({ client }: Lab, { http, request }: WireRequest): Promise<RawAnswer> {
  return client.send(http, { ...request, headers: { ...request.headers, authorization: `Bearer ${ADMIN_KEY}` } });
}

/** Calls until told to stop; answers the longest wait in milliseconds, from the moment at which a call was due. */
async function goOn({ clients: { users } }: Lab, stop: AbortSignal): Promise<number> {
  let longestMs = 0;
  for (let due = performance.now(); !stop.aborted; due += PERIOD_MS) {
    await delay(Math.max(0, due - performance.now()));
    await users.getUser({ userId: "alice" });
    longestMs = Math.max(longestMs, performance.now() - due);
    due = Math.max(due, performance.now() - PERIOD_MS);
  }
  return longestMs;
}

function bytesOf(fields: Readonly<Record<string, string | undefined>>): number {
  return Object.entries(fields).reduce((sum, [name, value = ""]) => sum + name.length + value.length, 0);
}

function assertAnswer(answer: RawAnswer, allowed: readonly string[]): void {
  const read = readAnswer(answer);
  const said = typeof read === "object" ? read.reason : read;
  assert.ok(said !== undefined && allowed.includes(said), `${said} is not one of ${allowed.join(", ")}`);
  if (said === "OK") return;
  const headerBytes = bytesOf(answer.headers) + bytesOf(answer.trailers);
  assert.ok(headerBytes <= REFUSAL_BYTES_MAX, `${headerBytes} bytes of headers and trailers`);
  assert.ok(answer.body.byteLength <= REFUSAL_BYTES_MAX, `a body of ${answer.body.byteLength} bytes`);
}

/**
 * Does something to the service while the client goes on; asserts what the service may take for it. What else runs on
 * the machine can only make a turn longer, so the shortest of several measurements counts.
 */
export async function measure<T>(lab: Lab, wire: TestContext, act: () => Promise<T>): Promise<T> {
  let longestTurnMs = Number.POSITIVE_INFINITY;
  for (let measurement = 1; ; measurement++) {
    await ask(lab.child, "begin");
    const stop = new AbortController();
    const going = goOn(lab, stop.signal);
    const outcome = await act();
    stop.abort();
    const gapMs = await going;
    const report = await ask(lab.child, "report");
    const growthBytes = report.peakBytes - report.beginBytes;
    wire.diagnostic(
      `longest turn ${report.longestTurnMs.toFixed(1)} ms (over 10 ms: ${report.longTurnsMs.map(Math.round).join(", ")}); ` +
        `longest gap of the other client ${gapMs.toFixed(0)} ms, pause of the collector ${report.longestPauseMs.toFixed(0)} ms; ` +
        `memory +${Math.round(growthBytes / 1024 / 1024)} MiB`,
    );
    assert.ok(growthBytes <= GROWTH_BYTES_MAX, `memory grew by ${growthBytes} bytes`);
    longestTurnMs = Math.min(longestTurnMs, report.longestTurnMs);
    if (longestTurnMs <= TURN_MS_MAX) return outcome;
    assert.ok(measurement < MEASUREMENTS_MAX, `a turn of ${longestTurnMs} ms`);
  }
}

/** Sends the requests of each row, on each of its wires, and asserts what the service may take for them. */
export async function sendWorst(t: TestContext, lab: Lab, rows: readonly WorstRequest[]): Promise<void> {
  let heapBytes = await ask(lab.child, "collect");
  for (const { name, prepare, make, times = 1, answers: allowed, pending } of rows) {
    await t.test(name, { skip: pending ?? false }, async (row) => {
      await prepare?.(lab.clients);
      const requests = make();
      // What the first times load, compile and grow is not measured.
      const warmups = times > 1 ? Array.from({ length: WARMUPS }, () => requests).flat() : requests.slice(0, 1);
      for (const request of warmups) await send(lab, request);
      for (const request of requests) {
        await row.test(request.wire, async (wire) => {
          const sendAll = () => Promise.all(Array.from({ length: times }, () => send(lab, request)));
          for (const each of await measure(lab, wire, sendAll)) assertAnswer(each, allowed);
        });
      }
      const heapAfterBytes = await ask(lab.child, "collect");
      assert.ok(
        heapAfterBytes <= heapBytes * HEAP_GROWTH_MAX,
        `${heapAfterBytes} bytes are in use, ${heapBytes} before`,
      );
      heapBytes = heapAfterBytes;
    });
  }
}
