/** Read, edit, write: an overtaken change starts again from what the other one wrote. */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { test } from "node:test";
import { updatePerson } from "../../../../src/dialect/clerk/users/update-person.ts";
import type { OperationCall } from "../../../../src/dialect/clerk/wire/operation.ts";
import { RefusalError, refuse } from "../../../../src/domain/refusal.ts";
import type { User } from "../../../../src/domain/user.ts";
import type { Operations, UserChange, UserView } from "../../../../src/service/operations/operations.ts";
import { ADMIN_KEY, startService } from "../../../support/service.ts";
import { send, type UserJson } from "../support/clients.ts";

/** Operations over one user that another writer changes before each of the first writes. */
function withRivals(rivals: number): { readonly call: OperationCall; readonly written: UserChange[] } {
  const written: UserChange[] = [];
  let sequence = 1;
  const view = (): UserView => ({
    user: { state: { id: "u", sequence }, person: { profile: {}, attributes: {} } } as unknown as User,
    state: "ACTIVE",
    now: 0,
  });
  const operations: Partial<Operations> = {
    readUser: async () => view(),
    async changeUser(command) {
      if (sequence <= rivals) sequence++;
      if (command.type !== "UpdateUser" || command.expectedSequence !== sequence) {
        throw new RefusalError(refuse("SEQUENCE_MISMATCH", "somebody was first"));
      }
      written.push(command);
      return view();
    },
  };
  const actor = { id: "key:1", permissions: new Set(), scope: null, expireTime: null };
  return { call: { operations, actor, userId: "u" } as unknown as OperationCall, written };
}

test("an overtaken write is edited again from the current user", async () => {
  for (const rivals of [0, 1, 19]) {
    const { call, written } = withRivals(rivals);
    const seen: number[] = [];
    await updatePerson(call, ({ user }) => {
      seen.push(user.state.sequence);
      return {
        profile: { username: `after ${user.state.sequence}` },
        fields: ["username"],
        attributes: {},
        namespaces: [],
      };
    });
    assert.deepEqual(
      seen,
      Array.from({ length: rivals + 1 }, (_, index) => index + 1),
    );
    assert.deepEqual(
      written.map((command) => command.type === "UpdateUser" && command.profile.username),
      [`after ${rivals + 1}`],
    );
  }
});

test("a change that is always overtaken is refused with 409", async () => {
  const { call, written } = withRivals(20);
  const edit = () => ({ profile: {}, fields: [], attributes: {}, namespaces: [] });
  await assert.rejects(updatePerson(call, edit), { name: "ClerkError", status: 409 });
  assert.deepEqual(written, []);
});

test("merges that arrive in one packet keep every change", async (t) => {
  const { url, users } = await startService(t, { config: { dialects: ["clerk"] } });
  await users.createUser({ userId: "u" });
  const keys = Array.from({ length: 15 }, (_, index) => `k${index}`.padEnd(3, "_"));
  const session = connect(url);
  try {
    const statuses = keys.map(
      (key) =>
        new Promise<number>((resolve, reject) => {
          const stream = session.request({
            ":method": "PATCH",
            ":path": "/clerk/v1/users/u/metadata",
            authorization: `Bearer ${ADMIN_KEY}`,
            "content-type": "application/json",
          });
          stream.on("response", (header) => resolve(Number(header[":status"])));
          stream.on("error", reject);
          stream.resume();
          stream.end(JSON.stringify({ public_metadata: { [key]: 1 } }));
        }),
    );
    assert.deepEqual(new Set(await Promise.all(statuses)), new Set([200]));
  } finally {
    session.close();
  }
  const { json } = await send(url, "/users/u");
  assert.deepEqual(Object.keys((json as UserJson).public_metadata as object).sort(), keys.toSorted());
});
