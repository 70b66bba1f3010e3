/** ZITADEL's own clients for sessions: @zitadel/client (v2) over gRPC and gRPC-Web, and @zitadel/node (v2beta). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createServerTransport } from "@zitadel/client/node";
import { createSessionServiceClient } from "@zitadel/client/v2";
import { createClientTransport } from "@zitadel/client/web";
import { createAccessTokenInterceptor, createSessionClient } from "@zitadel/node/dist/api/index.js";
import { SessionService as BetaSessionService } from "@zitadel/proto/zitadel/session/v2beta/session_service_pb.js";
import { Initiator } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { ADMIN_KEY, TestClock } from "../../../support/service.ts";
import { type Lab, startLab } from "../support/lab.ts";

const TRANSPORTS = {
  gRPC: ({ url }: Lab) => createServerTransport(ADMIN_KEY, { baseUrl: url }),
  "gRPC-Web": ({ url }: Lab) => createClientTransport(ADMIN_KEY, { baseUrl: url }),
};

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const ALICE = { userId: "alice", profile: { username: "Al", givenName: "Alice", familyName: "Liddell" } };

for (const [wire, transportOf] of Object.entries(TRANSPORTS)) {
  describe(`@zitadel/client over ${wire}`, () => {
    test("session v2: from opening to end", async (t) => {
      const clock = new TestClock();
      const start = BigInt(clock.now / 1000);
      const lab = await startLab(t, { clock: () => clock.now });
      await lab.users.createUser(ALICE);
      const client = createSessionServiceClient(transportOf(lab));
      const made = await client.createSession({
        checks: { user: { search: { case: "userId", value: "alice" } } },
        metadata: { theme: utf8("dark"), empty: utf8("") },
        userAgent: {
          fingerprintId: "fp-1",
          ip: "192.0.2.7",
          description: "Firefox",
          header: { accept: { values: ["text/html", "*/*"] } },
        },
        lifetime: { seconds: 3600n, nanos: 0 },
      });
      const { sessionId, sessionToken } = made;
      assert.match(sessionToken, /^lks_/);
      assert.deepEqual([made.details?.sequence, made.details?.resourceOwner], [1n, "default"]);
      assert.equal(made.details?.creationDate?.seconds, start);

      const { session } = await client.getSession({ sessionId });
      assert.ok(session);
      assert.deepEqual([session.id, session.sequence, session.creationDate?.seconds], [sessionId, 1n, start]);
      const { user, password, webAuthN, totp } = session.factors ?? {};
      assert.deepEqual([password, webAuthN, totp], [undefined, undefined, undefined]);
      assert.deepEqual(
        [user?.id, user?.loginName, user?.displayName, user?.organizationId, user?.verifiedAt?.seconds],
        ["alice", "Al", "Alice Liddell", "default", start],
      );
      assert.deepEqual(Object.keys(session.metadata), ["theme"]);
      assert.equal(Buffer.from(session.metadata.theme ?? []).toString(), "dark");
      const { userAgent } = session;
      assert.deepEqual(
        [userAgent?.fingerprintId, userAgent?.ip, userAgent?.description, userAgent?.header.accept?.values],
        ["fp-1", "192.0.2.7", "Firefox", ["text/html", "*/*"]],
      );
      assert.equal(session.expirationDate?.seconds, start + 3600n);

      clock.advance(60_000);
      const set = await client.setSession({
        sessionId,
        sessionToken,
        metadata: { theme: utf8(""), size: utf8("12") },
        lifetime: { seconds: 7200n, nanos: 1 },
      });
      assert.equal(set.details?.sequence, 2n);
      assert.notEqual(set.sessionToken, sessionToken);
      const read = (await client.getSession({ sessionId, sessionToken: set.sessionToken })).session;
      assert.deepEqual(
        [read?.sequence, read?.changeDate?.seconds, read?.creationDate?.seconds],
        [2n, start + 60n, start],
      );
      assert.deepEqual(Object.keys(read?.metadata ?? {}), ["size"]);
      assert.deepEqual(read?.expirationDate, { ...read?.expirationDate, seconds: start + 7260n, nanos: 1_000_000 });
      assert.equal(read?.userAgent?.fingerprintId, "fp-1");

      const list = await client.listSessions({
        queries: [{ query: { case: "userIdQuery", value: { id: "alice" } } }],
      });
      assert.deepEqual([list.details?.totalResult, list.sessions[0]?.id], [1n, sessionId]);
      const { details } = await client.deleteSession({ sessionId, sessionToken: set.sessionToken });
      assert.equal(details?.sequence, 3n);
      const [event] = (await lab.users.listUserEvents({ userId: "alice", pageSize: 1 })).events;
      assert.deepEqual([event?.payload.case, event?.initiator], ["sessionRevoked", Initiator.PERSON]);
      await client.deleteSession({ sessionId });
      assert.deepEqual((await client.listSessions({})).sessions, []);
    });
  });
}

test("session v2beta has the same fields", async (t) => {
  const lab = await startLab(t);
  await lab.users.createUser(ALICE);
  const client = createClient(BetaSessionService, TRANSPORTS.gRPC(lab));
  const { sessionId, sessionToken } = await client.createSession({
    checks: { user: { search: { case: "loginName", value: "AL" } } },
    metadata: { theme: utf8("dark") },
    userAgent: { description: "Firefox", header: { accept: { values: ["text/html"] } } },
  });
  const { session } = await client.getSession({ sessionId, sessionToken });
  assert.equal(session?.factors?.user?.displayName, "Alice Liddell");
  assert.equal(Buffer.from(session.metadata.theme ?? []).toString(), "dark");
  assert.deepEqual(session.userAgent?.header.accept?.values, ["text/html"]);
  await client.setSession({ sessionId, sessionToken, metadata: { theme: utf8("") } });
  const { sessions } = await client.listSessions({
    queries: [{ query: { case: "idsQuery", value: { ids: [sessionId] } } }],
  });
  assert.deepEqual(sessions[0]?.metadata, {});
  await client.deleteSession({ sessionId });
  await assert.rejects(client.getSession({ sessionId }), /Session does not exist \(QUERY-SFeaa\)/);
});

test("@zitadel/node: from opening to end", async (t) => {
  const lab = await startLab(t);
  await lab.users.createUser(ALICE);
  const client = createSessionClient(lab.url, createAccessTokenInterceptor(ADMIN_KEY));
  const { sessionId, sessionToken } = await client.createSession({
    checks: { user: { loginName: "al" } },
    metadata: { theme: Buffer.from("dark") },
    userAgent: { fingerprintId: "fp-1", header: {} },
  });
  const { session } = await client.getSession({ sessionId, sessionToken });
  assert.equal(session?.factors?.user?.id, "alice");
  assert.equal(session.metadata.theme?.toString(), "dark");
  assert.equal(session.userAgent?.fingerprintId, "fp-1");
  const set = await client.setSession({ sessionId, sessionToken, metadata: { size: Buffer.from("12") } });
  const { sessions, details } = await client.listSessions({ queries: [{ userIdQuery: { id: "alice" } }] });
  assert.deepEqual(Object.keys(sessions[0]?.metadata ?? {}).sort(), ["size", "theme"]);
  assert.equal(details?.totalResult.toString(), "1");
  await assert.rejects(client.getSession({ sessionId, sessionToken }), /Permission denied \(QUERY-dsfr3\)/);
  await client.deleteSession({ sessionId, sessionToken: set.sessionToken });
  await assert.rejects(client.getSession({ sessionId }), /Session does not exist \(QUERY-SFeaa\)/);
});
