/** `@lockkeeper/client` in Node: every service of the contract, over gRPC and Connect, with refusals and close. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import * as contract from "../../../clients/typescript/src/node.ts";
import {
  Code,
  ConnectError,
  createLockkeeperClient,
  type LockkeeperClientTls,
  reasonOf,
  State,
} from "../../../clients/typescript/src/node.ts";
import { defer } from "../../support/cleanup.ts";
import { ADMIN_KEY, startService, temporaryFolder } from "../../support/service.ts";
import { Authority, type Issued, noOpenssl } from "../../transport/support/certificates.ts";

const GEN = join(import.meta.dirname, "../../../gen/lockkeeper");

test("lends every message, enum and service of the contract", async () => {
  const files = readdirSync(GEN, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith("_pb.ts"));
  const names = await Promise.all(files.map(async (file) => Object.keys((await import(join(GEN, file))) as object)));
  assert.ok(names.flat().length > 100);
  assert.deepEqual(
    names.flat().filter((name) => !(name in contract)),
    [],
  );
});

for (const protocol of ["grpc", "connect"] as const) {
  describe(`over ${protocol}`, () => {
    test("calls every service with the key, and says why it is refused", async (t) => {
      const { url } = await startService(t);
      const client = createLockkeeperClient({ baseUrl: url, key: ADMIN_KEY, protocol });
      t.after(() => client.close());
      await client.users.createUser({ userId: "alice" });
      const { user } = await client.users.lockUser({ userId: "alice" });
      assert.equal(user?.state, State.LOCKED);
      assert.equal((await client.signIns.checkSignIn({ userId: "alice" })).decision?.allowed, false);
      assert.deepEqual((await client.sessions.listSessions({ userId: "alice" })).sessions, []);
      assert.equal(
        (await client.organizations.getOrganization({ organizationId: "default" })).organization?.displayName,
        "Default",
      );
      assert.ok((await client.policies.getPolicy({})).policy);
      assert.equal((await client.keys.listApiKeys({})).apiKeys.length, 1);
      let last: string | undefined;
      for await (const { piece } of client.admin.createBackup({})) last = piece.case;
      assert.equal(last, "end");
      const refused = await client.users.lockUser({ userId: "alice" }).catch((error: unknown) => error);
      assert.ok(refused instanceof ConnectError);
      assert.equal(refused.code, Code.FailedPrecondition);
      assert.equal(reasonOf(refused), "USER_ALREADY_LOCKED");
    });

    test("a wrong key, a service that is not there and other errors are told apart", async (t) => {
      const { url } = await startService(t);
      const wrong = createLockkeeperClient({ baseUrl: url, key: "wrong", protocol });
      t.after(() => wrong.close());
      const refused = await wrong.users.getUser({ userId: "a" }).catch((error: unknown) => error);
      assert.equal(reasonOf(refused), "CREDENTIAL_INVALID");
      const nowhere = createLockkeeperClient({ baseUrl: "http://127.0.0.1:1", key: ADMIN_KEY, protocol });
      t.after(() => nowhere.close());
      const gone = await nowhere.users.getUser({ userId: "a" }).catch((error: unknown) => error);
      assert.equal(ConnectError.from(gone).code, Code.Unavailable);
      assert.equal(reasonOf(gone), undefined);
      assert.equal(reasonOf(new Error("x")), undefined);
    });

    test("an address or a key that cannot be used is refused at once, and neither is repeated", () => {
      const baseUrl = "http://127.0.0.1:8080";
      const wrongUrls = ["", "nonsense", "127.0.0.1:8080", "ftp://secret", `${baseUrl}/?secret`, `${baseUrl}/#secret`];
      for (const wrong of [...wrongUrls, "http://me:secret@127.0.0.1:8080", "http://secret@127.0.0.1"]) {
        assert.throws(() => createLockkeeperClient({ baseUrl: wrong, key: ADMIN_KEY, protocol }), {
          name: "TypeError",
          message: /^baseUrl: (?!.*secret).* http or https URL/,
        });
      }
      for (const wrong of ["", "secret\nlines", "secret ", " secret", "sécret", "secret,secret", "secret\u0000"]) {
        assert.throws(() => createLockkeeperClient({ baseUrl, key: wrong, protocol }), {
          name: "TypeError",
          message: /^key: (?!.*s[eé]cret).* must be /,
        });
      }
      for (const wrong of [undefined, null, 7]) {
        const options = { baseUrl, key: wrong as unknown as string, protocol };
        assert.throws(() => createLockkeeperClient(options), { name: "TypeError", message: /^key: it is empty/ });
      }
      for (const right of [baseUrl, `${baseUrl}/`, "https://locks.example/behind/a/path"]) {
        createLockkeeperClient({ baseUrl: right, key: ADMIN_KEY, protocol }).close();
      }
    });

    test("authorities are trusted in addition to those of Node, and a certificate is shown", async (t) => {
      const skip = noOpenssl();
      if (skip !== undefined) return t.skip(skip);
      const folder = await temporaryFolder(t);
      const [known, own] = [new Authority(folder, "known"), new Authority(folder, "own")];
      const person = own.issue("person");
      const [byKnown, byOwn] = [known.issue("by-known"), own.issue("by-own")];
      const trusted = getCACertificates("default");
      setDefaultCACertificates([known.certPem]);
      defer(t, () => setDefaultCACertificates(trusted));
      const reach = async (server: Issued, clientCa: string | undefined, tls: LockkeeperClientTls): Promise<void> => {
        const config = { tlsCert: server.cert, tlsKey: server.key, tlsClientCa: clientCa };
        const { url } = await startService(t, { config });
        const client = createLockkeeperClient({ baseUrl: url, key: ADMIN_KEY, protocol, tls });
        defer(t, () => client.close());
        await client.users.createUser({ userId: "alice" });
      };
      await reach(byKnown, undefined, {});
      await reach(byKnown, undefined, { ca: own.certPem });
      await reach(byOwn, own.cert, { ca: [own.certPem], cert: person.certPem, key: Buffer.from(person.keyPem) });
      await reach(byOwn, undefined, { ca: new TextEncoder().encode(own.certPem) });
      await assert.rejects(reach(byOwn, undefined, {}), ConnectError);
      await assert.rejects(reach(byOwn, own.cert, { ca: own.certPem }), ConnectError);
    });

    test("a call takes no longer than it may", async (t) => {
      const silent = createServer(() => undefined).listen(0, "127.0.0.1");
      await once(silent, "listening");
      const { port } = silent.address() as AddressInfo;
      const client = createLockkeeperClient({
        baseUrl: `http://127.0.0.1:${port}`,
        key: ADMIN_KEY,
        protocol,
        timeoutMs: 100,
      });
      t.after(() => {
        client.close();
        silent.close();
      });
      for (const options of [{}, { timeoutMs: 0.5 }]) {
        const late = await client.users.getUser({ userId: "a" }, options).catch((error: unknown) => error);
        assert.equal(ConnectError.from(late).code, Code.DeadlineExceeded);
      }
    });

    test("a time-out that no header or timer can carry is bounded, and one that is not a time is refused", async (t) => {
      const { url } = await startService(t);
      for (const timeoutMs of [60_000.5, 99_999_999, 1e8, 2 ** 31, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
        const client = createLockkeeperClient({ baseUrl: url, key: ADMIN_KEY, protocol, timeoutMs });
        t.after(() => client.close());
        assert.deepEqual((await client.users.listUsers({})).users, []);
        assert.deepEqual((await client.users.listUsers({}, { timeoutMs })).users, []);
        for await (const { piece } of client.admin.createBackup({}, { timeoutMs })) assert.ok(piece.case);
      }
      for (const timeoutMs of [0, -1, Number.NaN]) {
        assert.throws(() => createLockkeeperClient({ baseUrl: url, key: ADMIN_KEY, protocol, timeoutMs }), {
          name: "TypeError",
          message: `timeoutMs: ${timeoutMs} is not allowed; it must be a number of milliseconds above 0`,
        });
      }
      const client = createLockkeeperClient({ baseUrl: url, key: ADMIN_KEY, protocol, timeoutMs: 1 });
      t.after(() => client.close());
      // As everywhere in Connect: 0 lifts the default for one call.
      assert.deepEqual((await client.users.listUsers({}, { timeoutMs: 0 })).users, []);
      await assert.rejects(client.users.listUsers({}, { timeoutMs: Number.NaN }), /timeoutMs: NaN is not allowed/);
    });
  });
}
