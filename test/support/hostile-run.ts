/** A long run of generated requests against a service in a process of its own: no crash, no hang, no fault, no leak. */

import assert from "node:assert/strict";
import { Agent } from "node:http";
import type { TestContext } from "node:test";
import { mutateRequest } from "./mutation.ts";
import { type Random, seededRandom } from "./random.ts";
import type { GeneratedRequest } from "./random-request.ts";
import { residentMb } from "./resident.ts";
import { SCALE } from "./scale.ts";
import { ADMIN_KEY, clientsOf, DISK_WARNINGS, ended, newDatabase, spawnService } from "./service.ts";
import { startStopwatch } from "./stopwatch.ts";
import { HangError, type RawAnswer, RawClient, type RawRequest, readAnswer } from "./wires.ts";

const CLIENTS = 6;
const CONCURRENT_PER_CLIENT = 6;
const HANG_MS = 15_000;
/** A third is corrupted after it was generated, one in fifty shows no right key. */
const SPOIL_EVERY = 3;
const STRANGER_EVERY = 50;
/** The heap may not grow beyond this: a leak of 300 bytes a request fails the test. */
const HEAP_MB_MAX = 300;
/** Memory is compared with what it was after this part of the run, when caches are full. */
const WARM_PART = 0.25;
const GROWTH_MB_MAX = 96;
const FAULTS = ["Internal", "Unknown", "DataLoss"];
/** gRPC has INTERNAL for a message that is marked as compressed without an encoding, though the caller is at fault. */
export const CALLERS_FAULT = /no(?: |%20)encoding(?: |%20)is(?: |%20)named$/;
/** The log's line of such a call; a fault of the service has a line of its own besides, with the cause. */
const INTERNAL_CALL = /^\S+ warn call .* code=INTERNAL .*\n/gm;

export interface HostileRun {
  readonly requests: number;
  /** More words for the command line of the service. */
  readonly arguments: readonly string[];
  readonly make: (random: Random) => GeneratedRequest;
}

/** What is wrong with an answer; `undefined`: nothing. */
function faultOf({ wire }: GeneratedRequest, answer: RawAnswer): string | undefined {
  if (answer.status === 500) return "HTTP 500";
  const read = readOrUndefined(answer);
  if (read === "OK") return undefined;
  if (read !== undefined) {
    return FAULTS.includes(read.code) && !CALLERS_FAULT.test(read.message) ? read.code : undefined;
  }
  const isHttpAnswer = [204, 302].includes(answer.status) || (answer.status >= 400 && answer.status < 500);
  return isHttpAnswer ? undefined : `HTTP ${answer.status}, which is not an answer of ${wire}`;
}

/** Foreign APIs have errors in a form of their own. */
function readOrUndefined(answer: RawAnswer): ReturnType<typeof readAnswer> {
  try {
    return readAnswer(answer);
  } catch {
    return undefined;
  }
}

/** Sends so many requests and asserts that the service answers each, is at fault for none, and lives. */
export async function runHostile(t: TestContext, { requests, arguments: args, make }: HostileRun): Promise<void> {
  const random = seededRandom(t);
  const child = await spawnService(t, {
    path: await newDatabase(t),
    arguments: args,
    nodeArguments: [`--max-old-space-size=${HEAP_MB_MAX}`],
  });
  const { users } = clientsOf(child.url, ADMIN_KEY);
  for (const userId of ["u1", "u2", "u3"]) await users.createUser({ userId });
  const found: string[] = [];
  const said = new Map<string, number>();
  const count = (what: string): unknown => said.set(what, (said.get(what) ?? 0) + 1);
  const sendOne = async (client: RawClient): Promise<void> => {
    const made = make(random);
    const request = spoiltByChance(random, made.request);
    try {
      const answer = await client.send(made.http, request);
      const fault = faultOf(made, answer);
      if (fault !== undefined) {
        found.push(`${shown(made, request)} → ${fault}: ${answer.body.toString().slice(0, 500)}`);
      }
      const read = readOrUndefined(answer);
      count(`${made.wire} ${(typeof read === "object" ? read.code : read) ?? `HTTP ${answer.status}`}`);
    } catch (error) {
      if (error instanceof HangError) found.push(`${shown(made, request)} → ${error}`);
      count(`closed ${(error as NodeJS.ErrnoException).code ?? String(error)}`.slice(0, 60));
    }
  };
  let [sent, warmMb] = [0, residentMb(child)];
  const watch = startStopwatch();
  const run = async (client: RawClient): Promise<void> => {
    while (sent < requests && found.length < 10 && child.process.exitCode === null) {
      sent += 1;
      if (sent === Math.round(requests * WARM_PART)) warmMb = residentMb(child);
      if (sent % Math.round(requests / 10) === 0) t.diagnostic(`${sent} requests, ${residentMb(child)} MB`);
      await sendOne(client);
    }
  };
  await withClients(child.url, run);
  t.diagnostic(`${sent} requests in ${watch.text()}`);
  t.diagnostic([...said].map(([what, times]) => `${what} ${times}`).join(", "));
  assert.deepEqual(found, []);
  assert.equal(child.stderr().replace(INTERNAL_CALL, "").replace(DISK_WARNINGS, ""), "", "the service complained");
  // About one in fifty is right, fewer where a busy machine lets short deadlines pass.
  assert.ok(timesOf(said, /OK$|HTTP 200$/) > requests / 250, "hardly any request was right");
  assert.ok(timesOf(said, /^closed$/) < requests / 8, "too many were not answered");
  assertFlat(t, warmMb, residentMb(child));
  assert.equal((await users.createUser({ userId: "after all of it" })).user?.userId, "after all of it");
  child.process.kill("SIGTERM");
  assert.equal(await ended(child), 0);
}

async function withClients(url: string, run: (client: RawClient) => Promise<void>): Promise<void> {
  const clients = Array.from(
    { length: CLIENTS },
    () => new RawClient(url, HANG_MS, new Agent({ keepAlive: true, maxSockets: CONCURRENT_PER_CLIENT })),
  );
  await Promise.all(clients.flatMap((client) => Array.from({ length: CONCURRENT_PER_CLIENT }, () => run(client))));
  for (const client of clients) client.close();
}

function spoiltByChance(random: Random, request: RawRequest): RawRequest {
  const key = random.below(STRANGER_EVERY) === 0 ? "a-key-of-nobody-0123456789abcdef-0123" : ADMIN_KEY;
  const whole = { ...request, headers: { ...request.headers, authorization: `Bearer ${key}` } };
  return random.below(SPOIL_EVERY) === 0
    ? mutateRequest(random, whole, [whole.body, Buffer.from("{}"), Buffer.from([0, 0, 0, 0, 1])])
    : whole;
}

/** A short run ends before caches are full, so that its figures say nothing. */
function assertFlat(t: TestContext, warmMb: number | undefined, endMb: number | undefined): void {
  t.diagnostic(`memory: ${warmMb} MB after ${WARM_PART * 100} %, ${endMb} MB at the end`);
  if (SCALE !== "soak" || warmMb === undefined || endMb === undefined) return;
  assert.ok(endMb - warmMb < GROWTH_MB_MAX, `memory grew from ${warmMb} to ${endMb} MB`);
}

function timesOf(said: ReadonlyMap<string, number>, pattern: RegExp): number {
  return [...said].reduce((sum, [what, times]) => sum + (pattern.test(what) ? times : 0), 0);
}

function shown({ wire, http }: GeneratedRequest, request: RawRequest): string {
  return `${wire}, HTTP/${http}: ${JSON.stringify({ ...request, body: Buffer.from(request.body).toString("base64") })}`;
}
