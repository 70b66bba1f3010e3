/** ListEvents of admin v1: every filter, by the original's clients and by REST, and who may see what. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { createServerTransport } from "@zitadel/client/node";
import { createAdminServiceClient } from "@zitadel/client/v1";
import { createClientTransport } from "@zitadel/client/web";
import { createAccessTokenInterceptor, createAdminClient } from "@zitadel/node/dist/api/index.js";
import { type EventsRequest, listEvents } from "../../../../src/dialect/zitadel/users/event-list.ts";
import type { ZitadelCall } from "../../../../src/dialect/zitadel/wire/handler.ts";
import type { Operations } from "../../../../src/service/operations/operations.ts";
import { ADMIN_KEY, TestClock } from "../../../support/service.ts";
import { startLab } from "../support/lab.ts";

const START = Date.UTC(2026, 0, 1);

/** What both clients and REST say of an event. */
interface Listed {
  readonly aggregate?: { readonly id: string } | undefined;
  readonly type?: { readonly type: string } | undefined;
}

/** The events as `user type`, such as `ann locked`. */
function shown(events: readonly Listed[]): readonly string[] {
  return events.map(({ aggregate, type }) => `${aggregate?.id} ${type?.type.replace(/^user\./, "")}`);
}

describe("the events of all users", () => {
  test("are listed by ZITADEL's clients and REST, by each filter, as far as the caller may see", async (t) => {
    const clock = new TestClock();
    const lab = await startLab(t, { clock: () => clock.now });
    const { users } = lab;
    await lab.organizations.createOrganization({ organizationId: "acme" });
    await users.createUser({ userId: "ann", profile: { username: "ann", email: "ann@example.com" } });
    await users.createUser({ userId: "carol", organizationId: "acme" });
    await lab.rest("POST /management/v1/users/machine", { body: { userId: "bot", userName: "bot", name: "Bot" } });
    clock.advance(10_000);
    const expiry = { case: "duration", value: { seconds: 60n, nanos: 0 } } as const;
    await users.lockUser({ userId: "ann", expiry, note: "a secret note" });
    await lab.rest("POST /v2/users/carol/deactivate");
    const updateMask = { paths: ["profile.phone"] };
    for (const userId of ["ann", "bot"]) await users.updateUser({ userId, profile: { phone: "+41" }, updateMask });
    clock.advance(100_000);
    await users.banUser({ userId: "ann" });
    const all = [
      ...["ann human.added", "carol human.added", "bot machine.added", "ann locked", "carol deactivated"],
      ...["ann human.phone.changed", "bot machine.changed", "ann unlocked", "ann locked"],
    ];

    const clients = [
      createAdminServiceClient(createServerTransport(ADMIN_KEY, { baseUrl: lab.url })),
      createAdminServiceClient(createClientTransport(ADMIN_KEY, { baseUrl: lab.url })),
    ];
    for (const client of clients) {
      const { events } = await client.listEvents({ asc: true });
      assert.deepEqual(shown(events), all);
      const locked = events[3];
      assert.match(locked?.editor?.userId ?? "", /^key:/);
      assert.deepEqual(
        [locked?.sequence, locked?.aggregate?.resourceOwner, locked?.aggregate?.type?.type],
        [2n, "default", "user"],
      );
      assert.deepEqual(
        [locked?.type?.localized?.key, locked?.type?.localized?.localizedMessage, locked?.payload],
        ["EventTypes.user.locked", "User locked", undefined],
      );
      assert.equal(Number(locked?.creationDate?.seconds) * 1000, START + 10_000);
    }
    const node = createAdminClient(lab.url, createAccessTokenInterceptor(ADMIN_KEY));
    const newest = await node.listEvents({ limit: 2, aggregateTypes: ["user"] });
    assert.deepEqual(shown(newest.events), all.slice(-2).toReversed());
    assert.equal(newest.events[1]?.editor?.userId, "system");

    const list = async (body: JsonObject, key?: string): Promise<readonly string[]> => {
      const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
      const { status, json } = await lab.rest("POST /admin/v1/events/_search", { body, headers });
      assert.equal(status, 200, JSON.stringify(json));
      assert.doesNotMatch(JSON.stringify(json), /secret note|example\.com|\+41/);
      return shown((json.events ?? []) as unknown as Listed[]);
    };
    const at = (ms: number): string => new Date(START + ms).toISOString();
    const cases: readonly (readonly [JsonObject, readonly string[]])[] = [
      [{}, all.toReversed()],
      [
        { eventTypes: ["user.locked", "user.machine.added"], asc: true },
        ["bot machine.added", "ann locked", "ann locked"],
      ],
      [{ eventTypes: ["user.human.profile.changed"] }, []],
      [{ eventTypes: ["org.added"] }, []],
      [{ aggregateTypes: ["org"] }, []],
      [{ aggregateId: "carol" }, ["carol deactivated", "carol human.added"]],
      [{ resourceOwner: "acme", asc: true }, ["carol human.added", "carol deactivated"]],
      [{ resourceOwner: "nowhere" }, []],
      [{ editorUserId: "system" }, ["ann unlocked"]],
      [{ sequence: "2", asc: true }, ["ann human.phone.changed", "ann unlocked", "ann locked"]],
      [{ limit: 1 }, ["ann locked"]],
      [{ from: at(0), asc: true }, all.slice(3)],
      [{ from: at(10_000) }, all.slice(0, 3).toReversed()],
      [{ creationDate: at(10_000), asc: true }, all.slice(7)],
      [{ range: { since: at(0), until: at(110_000) }, asc: true }, all.slice(3, 7)],
      [{ range: {}, creationDate: at(0), asc: true }, all],
    ];
    for (const [body, wanted] of cases) assert.deepEqual(await list(body), wanted, JSON.stringify(body));

    const { secret } = await lab.keys.createApiKey({ role: "auditor", organizationId: "acme", displayName: "a" });
    assert.deepEqual(await list({ asc: true }, secret), ["carol human.added", "carol deactivated"]);
    assert.deepEqual(await list({ resourceOwner: "default" }, secret), []);
    const verifier = await lab.keys.createApiKey({ permissions: ["user.write"], displayName: "v" });
    const headers = { authorization: `Bearer ${verifier.secret}` };
    assert.equal((await lab.rest("POST /admin/v1/events/_search", { body: {}, headers })).status, 403);
  });
});

test("a search for events that hardly occur ends with a refusal, and not with what it has", async () => {
  let pages = 0;
  const operations = {
    async listEvents({ searchMs }: { readonly searchMs?: number }) {
      assert.equal(searchMs, 200);
      return ++pages < 1_000 ? { items: [], next: "more" } : { items: [] };
    },
  } as unknown as Operations;
  const call = { admission: { actor: { scope: null } }, pass: () => undefined } as unknown as ZitadelCall;
  const request = { limit: 1, asc: true, sequence: 0n, eventTypes: [], aggregateTypes: [], creationDateFilter: {} };
  await assert.rejects(
    listEvents(operations, { ...request, ...NOBODY } as unknown as EventsRequest, call),
    /too few of the events match/,
  );
  assert.equal(pages, 100);
});

const NOBODY = { editorUserId: "", aggregateId: "", resourceOwner: "" };
