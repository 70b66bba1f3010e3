/** ListEvents: what each caller sees, filters, pages, and requests that are refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "../../../gen/lockkeeper/event/v1/event_pb.ts";
import { EventOrder } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { assertRefused } from "../../support/refusals.ts";
import { ADMIN_KEY, clientsOf, type Running, startService } from "../../support/service.ts";

const OLDEST_FIRST = { order: EventOrder.OLDEST_FIRST };

/** Creates users of two organizations, and a key and a lock of one of them. */
async function fill({ users, organizations, keys }: Running): Promise<string> {
  await organizations.createOrganization({ organizationId: "acme" });
  await users.createUser({ userId: "ann", organizationId: "acme", profile: { email: "ann@example.com" } });
  await users.createUser({ userId: "bob" });
  await users.lockUser({ userId: "ann", note: "three calls" });
  return (await keys.createApiKey({ role: "auditor", organizationId: "acme" })).secret;
}

const cursorsOf = (events: readonly Event[]): readonly string[] => events.map(({ cursor }) => cursor);

function shown({ payload, userId }: Event): string {
  return userId === "" ? `${payload.case}` : `${payload.case} ${userId}`;
}

test("an instance key sees all events, and a key of an organization its own, without personal values", async (t) => {
  const running = await startService(t);
  const secret = await fill(running);
  const all = await running.events.listEvents(OLDEST_FIRST);
  const acme = ["organizationCreated", "userCreated ann", "userLocked ann", "apiKeyCreated"];
  const names = all.events.map(shown);
  for (const name of [...acme, "userCreated bob"]) assert.ok(names.includes(name), name);
  const own = await clientsOf(running.url, secret).events.listEvents(OLDEST_FIRST);
  assert.deepEqual(own.events.map(shown), acme);
  assert.deepEqual(
    own.events.map(({ withheldFields }) => withheldFields),
    [[], ["profile.email"], ["note"], []],
  );
  assert.equal(all.events.find(({ note }) => note !== "")?.note, "three calls");
  const asked = await running.events.listEvents({ ...OLDEST_FIRST, organizationId: "acme" });
  assert.deepEqual(asked.events.map(shown), acme);
  const instance = await clientsOf(running.url, secret).events.listEvents({ filter: 'organization=""' });
  assert.deepEqual(instance.events, []);
  await assertRefused(
    clientsOf(running.url, secret).events.listEvents({ organizationId: "default" }),
    "PermissionDenied",
    "SCOPE_EXCEEDED",
  );
});

test("filters, orders, pages and cursors", async (t) => {
  const running = await startService(t);
  await fill(running);
  const { events } = running;
  const all = await events.listEvents(OLDEST_FIRST);
  const cursors = cursorsOf(all.events);
  assert.deepEqual(cursorsOf((await events.listEvents({})).events), cursors.toReversed());
  const locked = await events.listEvents({ filter: "user=ann AND (type=UserLocked OR type=UserBanned)" });
  assert.deepEqual(locked.events.map(shown), ["userLocked ann"]);
  const first = await events.listEvents({ ...OLDEST_FIRST, pageSize: 2 });
  const rest = await events.listEvents({ ...OLDEST_FIRST, pageToken: first.nextPageToken });
  assert.deepEqual(cursorsOf([...first.events, ...rest.events]), cursors);
  const later = await events.listEvents({ ...OLDEST_FIRST, cursor: first.cursor });
  assert.deepEqual(cursorsOf(later.events), cursors.slice(2));
  assert.equal(rest.cursor, cursors.at(-1));
  const response = await fetch(`${running.url}/v1/events?filter=${encodeURIComponent("user=bob")}`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  const { events: found } = (await response.json()) as { readonly events: readonly { readonly userId: string }[] };
  assert.deepEqual(
    found.map(({ userId }) => userId),
    ["bob"],
  );
});

test("a filter at fault names its column; foreign cursors and tokens are refused; keys need events.read", async (t) => {
  const running = await startService(t);
  const { events, keys } = running;
  const fault = await assertRefused(
    events.listEvents({ filter: "type=UserLoked" }),
    "InvalidArgument",
    "FIELD_INVALID",
  );
  assert.match(fault.message, /filter: column 6: "UserLoked" is not allowed; it must be one of UserCreated, /);
  await assertRefused(events.listEvents({ filter: "x".repeat(2_001) }), "InvalidArgument", "FIELD_INVALID");
  await assertRefused(events.listEvents({ cursor: "AQAAAAE" }), "InvalidArgument", "FIELD_INVALID");
  await assertRefused(events.listEvents({ pageToken: "AQAAAAE" }), "InvalidArgument", "FIELD_INVALID");
  const { secret } = await keys.createApiKey({ role: "login" });
  await assertRefused(clientsOf(running.url, secret).events.listEvents({}), "PermissionDenied", "PERMISSION_MISSING");
});
