/** A long run of generated requests on all wires against a service in a process of its own: no crash, no hang, no leak. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { SOAK, seededRandom } from "../support/random.ts";
import { type GeneratedRequest, randomRequest } from "../support/random-request.ts";
import { ADMIN_KEY, type Child, clientsOf, ended, spawnService, temporaryFolder } from "../support/service.ts";
import { codeOf, HangError, type RawAnswer, RawClient } from "../support/wires.ts";

const REQUESTS = SOAK ? 1_000_000 : 4_000;
const CLIENTS = 6;
const CONCURRENT_PER_CLIENT = 6;
const HANG_MS = 15_000;
/** A third is spoilt after it was generated, one in fifty shows no right key. */
const SPOIL_EVERY = 3;
const STRANGER_EVERY = 50;
/** The heap may not grow beyond this: whoever leaks 300 bytes a request falls over it. */
const HEAP_MB_MAX = 300;
/** Memory is compared with what it was after this part of the run, when caches are full. */
const WARM_PART = 0.25;
const GROWTH_MB_MAX = 96;
const FAULTS = ["Internal", "Unknown", "DataLoss"];

/** Every unary method of every service of the contract, found by its generated file. */
async function methodsOfContract(): Promise<readonly DescMethod[]> {
  const gen = join(import.meta.dirname, "../../gen");
  const files = globSync("lockkeeper/*/v1/*_service_pb.ts", { cwd: gen });
  const modules = await Promise.all(files.map(async (file) => (await import(join(gen, file))) as object));
  const services = modules.flatMap((module) => Object.values(module)).filter(isService);
  assert.ok(services.length >= 6, "the services of the contract are not found");
  return services.flatMap((service) => service.methods).filter(({ methodKind }) => methodKind === "unary");
}

function isService(value: unknown): value is DescService {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "service";
}

/** What is wrong with an answer; `undefined`: nothing. */
function faultOf(wire: string, answer: RawAnswer): string | undefined {
  if (wire === "Clerk") return answer.status < 500 || answer.status === 504 ? undefined : `HTTP ${answer.status}`;
  const code = codeOf(answer);
  if (code !== undefined) return FAULTS.includes(code) ? code : undefined;
  const isHttpAnswer = answer.status === 204 || (answer.status >= 400 && answer.status < 500);
  return isHttpAnswer ? undefined : `HTTP ${answer.status}, which is no answer of ${wire}`;
}

/** Megabytes that the process holds; `undefined` where there is no /proc. */
function residentMb({ process: { pid } }: Child): number | undefined {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(file, "utf8"))?.[1]) / 1024);
}

test(`${REQUESTS} generated requests on all wires: no crash, no hang, no fault, flat memory`, async (t) => {
  const random = seededRandom(t);
  const methods = await methodsOfContract();
  const child = await spawnService(t, {
    path: join(await temporaryFolder(t), "lockkeeper.db"),
    arguments: ["--dialects", "clerk,zitadel"],
    nodeArguments: [`--max-old-space-size=${HEAP_MB_MAX}`],
  });
  const { users } = clientsOf(child.url, ADMIN_KEY);
  for (const userId of ["u1", "u2", "u3"]) await users.createUser({ userId });
  const found: string[] = [];
  const said = new Map<string, number>();
  let [sent, warmMb] = [0, residentMb(child)];
  const sendOne = async (client: RawClient): Promise<void> => {
    const key = random.below(STRANGER_EVERY) === 0 ? "a-key-of-nobody-0123456789abcdef-0123" : ADMIN_KEY;
    const made = randomRequest(random, methods, {
      headers: { authorization: `Bearer ${key}` },
      spoilEvery: SPOIL_EVERY,
    });
    try {
      const answer = await client.send(made.http, made.request);
      const fault = faultOf(made.wire, answer);
      if (fault !== undefined) found.push(`${shown(made)} → ${fault}: ${answer.body.toString().slice(0, 500)}`);
      const what = `${made.wire} ${codeOfAny(made, answer)}`;
      said.set(what, (said.get(what) ?? 0) + 1);
    } catch (error) {
      if (error instanceof HangError) found.push(`${shown(made)} → ${error}`);
      said.set("closed", (said.get("closed") ?? 0) + 1);
    }
  };
  const run = async (client: RawClient): Promise<void> => {
    while (sent < REQUESTS && found.length < 10 && child.process.exitCode === null) {
      sent += 1;
      if (sent === Math.round(REQUESTS * WARM_PART)) warmMb = residentMb(child);
      if (sent % Math.round(REQUESTS / 20) === 0) t.diagnostic(`${sent} requests, ${residentMb(child)} MB`);
      await sendOne(client);
    }
  };
  const began = performance.now();
  const clients = Array.from(
    { length: CLIENTS },
    () => new RawClient(child.url, HANG_MS, new Agent({ keepAlive: true, maxSockets: CONCURRENT_PER_CLIENT })),
  );
  await Promise.all(clients.flatMap((client) => Array.from({ length: CONCURRENT_PER_CLIENT }, () => run(client))));
  const seconds = (performance.now() - began) / 1000;
  for (const client of clients) client.close();
  t.diagnostic(`${sent} requests in ${Math.round(seconds)} s`);
  t.diagnostic(
    [...said]
      .sort(([, a], [, b]) => b - a)
      .map(([code, count]) => `${code} ${count}`)
      .join(", "),
  );
  assert.deepEqual(found, []);
  assert.equal(child.stderr(), "", "the service complained");
  assert.ok(ofKind(said, /OK$/) > REQUESTS / 50, "hardly any request was right");
  assert.ok((said.get("closed") ?? 0) < REQUESTS / 10, "too many were not answered");
  const mb = residentMb(child);
  t.diagnostic(`memory: ${warmMb} MB after ${WARM_PART * 100} %, ${mb} MB at the end`);
  if (SOAK && mb !== undefined && warmMb !== undefined)
    assert.ok(mb - warmMb < GROWTH_MB_MAX, `from ${warmMb} to ${mb} MB`);
  const { user } = await users.createUser({ userId: "after all of it" });
  assert.equal(user?.userId, "after all of it");
  child.process.kill("SIGTERM");
  assert.equal(await ended(child), 0);
});

function codeOfAny({ wire }: GeneratedRequest, answer: RawAnswer): string {
  return (wire === "Clerk" ? undefined : codeOf(answer)) ?? `HTTP ${answer.status}`;
}

function ofKind(said: ReadonlyMap<string, number>, pattern: RegExp): number {
  return [...said].reduce((sum, [what, count]) => sum + (pattern.test(what) ? count : 0), 0);
}

function shown({ wire, http, request }: GeneratedRequest): string {
  return `${wire}, HTTP/${http}: ${JSON.stringify({ ...request, body: Buffer.from(request.body).toString("base64") })}`;
}
