/** Backup and restore as an operator does them: a service under writes, the command line, kills in the middle. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import Database from "better-sqlite3";
import { AdminService } from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import type { CreateApiKeyResponse } from "../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { verifyFile } from "../../src/store/sqlite/offline/verify-database.ts";
import { assertRefused as assertCommandRefused, cliOf, jsonOf, MAIN } from "../cli/support/cli.ts";
import { fillForBackup as fill, partialsOf } from "../support/backups.ts";
import { strangersEnvironment } from "../support/npm-start.ts";
import { assertRefused } from "../support/refusals.ts";
import { scaled } from "../support/scale.ts";
import {
  ADMIN_KEY,
  clientsOf,
  ended,
  spawnService,
  startService,
  TestClock,
  temporaryFolder,
} from "../support/service.ts";
import { until } from "../support/until.ts";

/** Users of the load that are there before the backup begins. */
const USERS_BEFORE = scaled({ quick: 300, soak: 5_000 });

function adminOf(url: string, key: string): Client<typeof AdminService> {
  const transport = createGrpcTransport({
    baseUrl: url,
    interceptors: [
      (next) => (request) => {
        request.header.set("Authorization", `Bearer ${key}`);
        return next(request);
      },
    ],
  });
  return createClient(AdminService, transport);
}

async function read(admin: Client<typeof AdminService>): Promise<number> {
  let bytes = 0;
  for await (const { piece } of admin.createBackup({})) if (piece.case === "chunk") bytes += piece.value.length;
  return bytes;
}

/** A command that goes on while the test does something else. */
function spawnCommand(t: TestContext, url: string, line: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...line], {
    env: strangersEnvironment({ LOCKKEEPER_SERVER: url, LOCKKEEPER_KEY: ADMIN_KEY }),
    stdio: "ignore",
  });
  t.after(() => void child.kill("SIGKILL"));
  return child;
}

/** The answers that writers got, in order: the user and its state. */
interface Acknowledged {
  readonly userId: string;
  readonly state: State;
}

/** Writers that create, lock and ban until they are told to stop. */
function startWriters(url: string, count: number) {
  const acknowledged: Acknowledged[] = [];
  let isOver = false;
  const writer = async (name: string): Promise<void> => {
    const { users } = clientsOf(url, ADMIN_KEY);
    for (let each = 0; !isOver; each++) {
      const userId = `${name}-${each}`;
      await users.createUser({ userId });
      acknowledged.push({ userId, state: State.ACTIVE });
      await users.lockUser({ userId });
      acknowledged.push({ userId, state: State.LOCKED });
      if (each % 3 === 0) await users.banUser({ userId });
      if (each % 3 === 0) acknowledged.push({ userId, state: State.BANNED });
    }
  };
  const all = Promise.all(Array.from({ length: count }, (_, index) => writer(`w${index}`)));
  return {
    acknowledged,
    stop: async (): Promise<void> => {
      isOver = true;
      await all;
    },
  };
}

describe("a backup under writes", () => {
  test("restores to a state that verifies and is a prefix of what was acknowledged", async (t) => {
    const folder = await temporaryFolder(t);
    const [path, file, restored] = [join(folder, "a.db"), join(folder, "b.db"), join(folder, "r", "a.db")];
    const service = await startService(t, { path });
    const cli = cliOf(service.url);
    const writers = startWriters(service.url, 8);
    await until(() => writers.acknowledged.length >= USERS_BEFORE, "the first writes");
    const before = writers.acknowledged.length;
    const [backup] = await jsonOf<Record<string, string>>(cli(["backup", file, "--json"]));
    const during = writers.acknowledged.length - before;
    await writers.stop();
    assert.ok(during > 0, "there was writing meanwhile");
    t.diagnostic(`${before} writes acknowledged before, ${during} during the backup`);
    await service.stop();

    const [report] = await jsonOf<Record<string, string>>(
      cli(["restore", file, "--database", `sqlite:${restored}`, "--json"]),
    );
    assert.deepEqual([report?.backupPosition, report?.events], [backup?.position, backup?.position]);
    // Verified once more, as what will be served.
    assert.equal(String((await verifyFile(restored)).generation), report?.generation);
    const [own, original] = [restored, path].map((each) => new Database(each, { readonly: true }));
    const hashes = (database: Database.Database | undefined) =>
      database?.prepare("SELECT position, hash FROM events WHERE position <= ?").all(Number(backup?.position));
    assert.deepEqual(hashes(own), hashes(original), "the first events of the history, and all of them");
    own?.close();
    original?.close();

    const { users, stop } = await startService(t, { path: restored });
    const order: readonly State[] = [State.ACTIVE, State.LOCKED, State.BANNED];
    for (const { userId, state } of writers.acknowledged.slice(0, before)) {
      const { user } = await users.getUser({ userId });
      const isThere = order.indexOf(user?.state ?? State.UNSPECIFIED) >= order.indexOf(state);
      assert.ok(isThere, `${userId} had the state ${state} before the backup began`);
    }
    await stop();
  });

  test("leaves nothing harmful when service or client are killed in the middle", async (t) => {
    const folder = await temporaryFolder(t);
    const [path, file] = [join(folder, "a.db"), join(folder, "copies.db")];
    const service = await spawnService(t, { path, arguments: ["--backup-rate", "1"] });
    const { users } = clientsOf(service.url, ADMIN_KEY);
    await fill(users);
    const arrived = (): number => partialsOf(file).reduce((bytes, each) => bytes + statSync(each).size, 0);
    const client = spawnCommand(t, service.url, ["backup", file]);
    await until(() => arrived() > 0, "the first bytes");
    client.kill("SIGKILL");
    await once(client, "exit");
    assert.equal(existsSync(file), false, "half a backup never has a backup's name");
    await users.createUser({ userId: "after" });

    // The service has noticed, so that the next one may begin; and is killed in its turn.
    const [left = "", ...more] = partialsOf(file);
    assert.deepEqual(more, []);
    const cut = statSync(left).size;
    const second = spawnCommand(t, service.url, ["backup", file]);
    const exit = once(second, "exit");
    await until(() => arrived() > cut, "the second backup");
    service.process.kill("SIGKILL");
    await ended(service);
    assert.deepEqual(await exit, [6, null], "unavailable");
    assert.deepEqual([existsSync(file), partialsOf(file)], [false, [left]]);
    // Only who is killed leaves it, and nobody else takes it away.
    rmSync(left);

    const again = await spawnService(t, { path });
    const [made = {}] = await jsonOf<Record<string, unknown>>(cliOf(again.url)(["backup", file, "--json"]));
    assert.deepEqual([made.verified, made.users], [true, "1001"]);
    again.process.kill("SIGTERM");
    await ended(again);
    assert.deepEqual(
      readdirSync(folder)
        .filter((name) => !name.endsWith("-journal"))
        .toSorted(),
      ["a.db", "a.db.key", "a.db.lock", "copies.db"],
      "no file is left over",
    );
  });

  test("is one at a time, and is given up when its caller goes", async (t) => {
    const { url, users } = await startService(t, { config: { backupBytesPerSecond: 10_000_000 } });
    await fill(users);
    const admin = adminOf(url, ADMIN_KEY);
    const gone = new AbortController();
    const first = admin.createBackup({}, { signal: gone.signal })[Symbol.asyncIterator]();
    const { value } = (await first.next()) as { readonly value?: { readonly piece: { readonly case?: string } } };
    assert.equal(value?.piece.case, "metadata");
    await assertRefused(read(admin), "FailedPrecondition", "BACKUP_UNDER_WAY");
    await assertCommandRefused(cliOf(url)(["backup", join(await temporaryFolder(t), "b.db")]), {
      code: 4,
      says: /another backup is under way; wait until it has ended \(BACKUP_UNDER_WAY\)/,
    });
    gone.abort();
    let bytes = 0;
    for (let round = 0; bytes === 0 && round < 100; round++) {
      bytes = await read(admin).catch(() => sleep(10).then(() => 0));
    }
    assert.ok(bytes > 1_000_000, "the next one runs to its end");
  });

  test("ends within seconds of the end of its key, and is logged when it begins and when it ends", async (t) => {
    const clock = new TestClock();
    const config = { backupBytesPerSecond: 500_000 };
    const service = await startService(t, { config, clock: () => clock.now });
    await fill(service.users);
    const expireTime = timestampFromMs(clock.now + 60_000);
    const revoked = await service.keys.createApiKey({ role: "owner" });
    const expired = await service.keys.createApiKey({ permissions: ["backup.create"], expireTime });
    const ends: readonly (readonly [key: CreateApiKeyResponse, end: () => unknown])[] = [
      [revoked, () => service.keys.revokeApiKey({ apiKeyId: revoked.apiKey?.apiKeyId ?? "" })],
      [expired, () => clock.advance(60_000)],
    ];
    for (const [{ secret, apiKey }, end] of ends) {
      const pieces = adminOf(service.url, secret).createBackup({})[Symbol.asyncIterator]();
      const { value: metadata } = (await pieces.next()).value?.piece ?? {};
      assert.ok(typeof metadata === "object" && "sizeBytes" in metadata);
      const actor = `key:${apiKey?.apiKeyId}`;
      const lines = (): readonly Record<string, unknown>[] =>
        service
          .log()
          .split("\n")
          .filter((line) => line.includes(actor))
          .map((line) => JSON.parse(line));
      assert.deepEqual(
        lines().map(({ level, message }) => [level, message]),
        [["info", "backup begun"]],
      );
      await end();
      let bytes = 0;
      const drain = async (): Promise<void> => {
        for await (const { piece } of { [Symbol.asyncIterator]: () => pieces }) {
          if (piece.case === "chunk") bytes += piece.value.byteLength;
        }
      };
      await assertRefused(drain(), "Unauthenticated", "CREDENTIAL_INVALID");
      assert.ok(bytes < Number(metadata.sizeBytes), `not at its end: ${bytes} bytes`);
      await until(() => lines().length === 2, "the line of the call");
      const { message, rpc, code } = lines()[1] ?? {};
      assert.deepEqual(
        [message, rpc, code],
        ["call", "lockkeeper.admin.v1.AdminService/CreateBackup", "UNAUTHENTICATED"],
      );
    }
  });

  test("that the end of the service breaks off says so", async (t) => {
    const service = await startService(t, { config: { backupBytesPerSecond: 500_000, stopGraceMs: 100 } });
    await fill(service.users);
    const pieces = adminOf(service.url, ADMIN_KEY).createBackup({})[Symbol.asyncIterator]();
    await pieces.next();
    const drain = async (): Promise<void> => {
      while (!(await pieces.next()).done);
    };
    const drained = assertRefused(drain(), "Unavailable", "SERVICE_STOPPING");
    await service.stop();
    await drained;
  });

  test("is for owners of the whole instance", async (t) => {
    const { url, keys, organizations } = await startService(t);
    await organizations.createOrganization({ organizationId: "shop" });
    const secretOf = async (key: Parameters<typeof keys.createApiKey>[0]): Promise<string> =>
      (await keys.createApiKey(key)).secret;
    const rows: readonly (readonly [secret: string, refusal: string | undefined])[] = [
      [await secretOf({ role: "owner" }), undefined],
      [await secretOf({ permissions: ["backup.create"] }), undefined],
      [await secretOf({ role: "operator" }), "PERMISSION_MISSING"],
      [await secretOf({ role: "auditor" }), "PERMISSION_MISSING"],
      [await secretOf({ role: "owner", organizationId: "shop" }), "SCOPE_EXCEEDED"],
      [await secretOf({ permissions: ["backup.create"], organizationId: "shop" }), "SCOPE_EXCEEDED"],
    ];
    for (const [secret, refusal] of rows) {
      const admin = adminOf(url, secret);
      if (refusal === undefined) assert.ok((await read(admin)) > 0);
      else await assertRefused(read(admin), "PermissionDenied", refusal);
    }
  });
});
