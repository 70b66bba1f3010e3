/** One user, three clients: what Clerk's SDK locks, ZITADEL's and ours see locked, and the history says who did what. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { createClerkClient } from "@clerk/backend";
import { createServerTransport } from "@zitadel/client/node";
import { createManagementServiceClient } from "@zitadel/client/v1";
import { createUserServiceClient } from "@zitadel/client/v2";
import { UserState } from "@zitadel/proto/zitadel/user/v2/user_pb.js";
import { UserState as UserStateV1 } from "@zitadel/proto/zitadel/user_pb.js";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { ADMIN_KEY, clientsOf, startService } from "../support/service.ts";

const DIALECTS = ["clerk", "zitadel"];

describe("one user, three clients", () => {
  test("each sees what the others did, and the history names who and which way", async (t) => {
    const running = await startService(t, { config: { dialects: DIALECTS } });
    const keyOf = async (displayName: string): Promise<{ secret: string; id: string }> => {
      const { secret, apiKey } = await running.keys.createApiKey({ role: "operator", displayName });
      return { secret, id: `key:${apiKey?.apiKeyId}` };
    };
    const [desk, console_, script] = [await keyOf("desk"), await keyOf("console"), await keyOf("script")];
    const clerk = createClerkClient({ secretKey: desk.secret, apiUrl: `${running.url}/clerk` });
    const transport = createServerTransport(console_.secret, { baseUrl: running.url });
    const [v1, v2] = [createManagementServiceClient(transport), createUserServiceClient(transport)];
    const { users } = clientsOf(running.url, script.secret);

    await users.createUser({ userId: "ann", profile: { username: "ann", email: "ann@example.com" } });
    assert.equal((await clerk.users.getUser("ann")).emailAddresses[0]?.emailAddress, "ann@example.com");
    assert.equal((await clerk.users.lockUser("ann")).locked, true);
    assert.equal((await v1.getUserByID({ id: "ann" })).user?.state, UserStateV1.LOCKED);
    assert.equal((await v2.getUserByID({ userId: "ann" })).user?.state, UserState.LOCKED);
    assert.equal((await users.getUser({ userId: "ann" })).user?.state, State.LOCKED);

    await v2.unlockUser({ userId: "ann" });
    assert.equal((await clerk.users.getUser("ann")).locked, false);
    await users.banUser({ userId: "ann" });
    assert.equal((await clerk.users.getUser("ann")).banned, true);
    assert.equal((await v2.getUserByID({ userId: "ann" })).user?.state, UserState.LOCKED);
    assert.equal((await clerk.users.unbanUser("ann")).banned, false);

    const { events } = await users.listUserEvents({ userId: "ann" });
    assert.deepEqual(
      events.toReversed().map(({ payload, actor, via }) => [payload.case, actor, via]),
      [
        ["userCreated", script.id, "grpc"],
        ["userLocked", desk.id, "clerk"],
        ["userUnlocked", console_.id, "zitadel"],
        ["userBanned", script.id, "grpc"],
        ["userUnbanned", desk.id, "clerk"],
      ],
    );
  });

  test("the README's code runs as it stands there", async (t) => {
    const { url } = await startService(t, { config: { dialects: DIALECTS } });
    const root = join(import.meta.dirname, "../..");
    const readme = await readFile(join(root, "README.md"), "utf8");
    const blocks = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
    const folder = await mkdtemp(join(tmpdir(), "lockkeeper-readme-"));
    try {
      await symlink(join(root, "node_modules"), join(folder, "node_modules"));
      const said: string[] = [];
      for (const [index, code] of blocks.entries()) {
        assert.match(code, /http:\/\/127\.0\.0\.1:8080/);
        const file = join(folder, `${index}.mjs`);
        await writeFile(file, code.replaceAll("http://127.0.0.1:8080", url));
        const { stdout } = await promisify(execFile)(process.execPath, [file], {
          env: { ...process.env, KEY: ADMIN_KEY },
        });
        said.push(stdout.trim());
      }
      assert.equal(said.length, 2);
      assert.match(said[0] ?? "", / 4$/);
      assert.equal(said[1], "1 true");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
