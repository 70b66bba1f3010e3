/** One user, three clients: a lock by Clerk's SDK is seen by ZITADEL's client and ours, and recorded. */
import assert from "node:assert/strict";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createClerkClient } from "@clerk/backend";
import { createServerTransport } from "@zitadel/client/node";
import { createManagementServiceClient } from "@zitadel/client/v1";
import { createUserServiceClient } from "@zitadel/client/v2";
import { UserState } from "@zitadel/proto/zitadel/user/v2/user_pb.js";
import { UserState as UserStateV1 } from "@zitadel/proto/zitadel/user_pb.js";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { ROOT, strangersEnvironment, strangersNode } from "../support/npm-start.ts";
import { runCommand } from "../support/run-command.ts";
import { ADMIN_KEY, clientsOf, startService, temporaryFolder } from "../support/service.ts";
import { DOCUMENTED_URL, printedBy, readSnippets } from "../support/snippets.ts";

const DIALECTS = ["clerk", "zitadel"];

describe("one user, three clients", () => {
  test("each sees the changes of the others, and the history names actor and dialect", async (t) => {
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

  test("the code of the documentation runs unchanged on the oldest supported Node", async (t) => {
    const { url } = await startService(t, { config: { dialects: DIALECTS } });
    const folder = await temporaryFolder(t);
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    for (const page of ["docs/zitadel.md", "docs/clerk.md"]) {
      const snippets = await readSnippets(page, "js");
      assert.equal(snippets.length, 1, page);
      for (const { code } of snippets) {
        const file = join(folder, "snippet.mjs");
        await writeFile(file, code.replaceAll(DOCUMENTED_URL, url));
        const ran = await runCommand(strangersNode(), [file], {
          environment: strangersEnvironment({ KEY: ADMIN_KEY }),
        });
        assert.deepEqual(ran, { code: 0, stdout: printedBy(code), stderr: "" }, page);
      }
    }
  });
});
