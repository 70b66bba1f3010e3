/** Calls of the dialect are counted under the names of its operations, never under their paths. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExposition } from "../../../support/exposition.ts";
import { httpRequest } from "../../../support/http-client.ts";
import { startService } from "../../../support/service.ts";
import { newestClient, send } from "../support/clients.ts";

test("operations are counted by name, and other calls as unmatched", async (t) => {
  const { url } = await startService(t, { config: { dialects: ["clerk"] }, isOneProcess: true });
  const { users } = newestClient(url);
  const { id } = await users.createUser({ firstName: "Ann" });
  for (let call = 0; call < 3; call++) await users.lockUser(id);
  await send(url, `/users/${id}x/ban`, { body: {} });
  await send(url, "/no/such/path", {});
  const { text } = await httpRequest(url, "/metrics");
  const samples = parseExposition(text).get("lockkeeper_call_duration_seconds")?.samples ?? [];
  const counts = samples
    .filter(({ name }) => name.endsWith("_count"))
    .map(({ labels: { rpc, wire, code }, value }) => `${rpc} ${wire} ${code} ${value}`);
  assert.deepEqual(counts.sort(), [
    "clerk.BanUser http NOT_FOUND 1",
    "clerk.CreateUser http OK 1",
    "clerk.LockUser http OK 3",
    "unmatched http NOT_FOUND 1",
  ]);
});
