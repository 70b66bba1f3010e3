/** Generated requests for every RPC of the contract on every wire. */
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { runHostile } from "../support/hostile-run.ts";
import { randomRequest } from "../support/random-request.ts";
import { scaled } from "../support/scale.ts";

const REQUESTS = scaled({ quick: 2_000, soak: 1_000_000 });

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

test(`${REQUESTS} generated requests on all wires: no crash, no hang, no fault, flat memory`, async (t) => {
  const methods = await methodsOfContract();
  await runHostile(t, { requests: REQUESTS, arguments: [], make: (random) => randomRequest(random, methods) });
});
