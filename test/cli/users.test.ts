/** The commands on users, each as a process against a running service. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { startService } from "../support/service.ts";
import { assertRefused, cliOf, jsonOf, printed } from "./support/cli.ts";

interface UserAnswer {
  readonly user: { readonly userId: string; readonly state: string; readonly restrictions?: readonly object[] };
}

test("a user is shown, locked and unlocked", async (t) => {
  const { url, users } = await startService(t);
  const lk = cliOf(url);
  await users.createUser({ userId: "ann", profile: { email: "ann@example.com" } });
  assert.match(await printed(lk("users show ann")), /^user +ann\nstate +ACTIVE\n/);
  assert.match(await printed(lk("users lock ann --duration 30m")), /^ann is LOCKED \(lock until \S+Z\), sequence 2\n$/);
  assert.equal((await users.getUser({ userId: "ann" })).user?.state, State.LOCKED);
  const [shown] = await jsonOf<UserAnswer>(lk("users show ann --json"));
  assert.equal(shown?.user.state, "STATE_LOCKED");
  await assertRefused(lk("users lock ann"), { code: 4, says: /locked already.*\(USER_ALREADY_LOCKED\)/ });
  assert.equal(await printed(lk("users unlock ann")), "ann is ACTIVE, sequence 3\n");
  await assertRefused(lk("users show bob"), { code: 3, says: /"bob" \(USER_NOT_FOUND\)/ });
});
