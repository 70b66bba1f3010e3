/** The state machine of all four services: every act from every state, with the original's ids, texts and statuses. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { errorBody, makeUsers, STARTS, type Start, startLab } from "../support/lab.ts";

const ACTS = ["lock", "unlock", "deactivate", "reactivate", "delete"] as const;
type Act = (typeof ACTS)[number];

/** A state: the act succeeds and shows it. A word in lower case: the act is refused with that error. */
type Expected = "ACTIVE" | "INITIAL" | "LOCKED" | "INACTIVE" | "gone" | "missing" | "unfit" | "initial";

const GONE = { DELETED: "missing", MISSING: "missing" } as const;

const V1_AND_V2: Readonly<Record<Act, Readonly<Record<Start, Expected>>>> = {
  lock: {
    ACTIVE: "LOCKED",
    INITIAL: "LOCKED",
    LOCKED: "unfit",
    INITIAL_LOCKED: "unfit",
    LOCK_SCHEDULED: "LOCKED",
    INACTIVE: "unfit",
    INITIAL_INACTIVE: "unfit",
    INACTIVE_LOCKED: "unfit",
    INACTIVE_BY_DIRECTORY: "unfit",
    BANNED: "unfit",
    BANNED_LOCKED: "unfit",
    BANNED_INACTIVE: "unfit",
    ...GONE,
  },
  unlock: {
    ACTIVE: "unfit",
    INITIAL: "unfit",
    LOCKED: "ACTIVE",
    INITIAL_LOCKED: "ACTIVE",
    LOCK_SCHEDULED: "unfit",
    INACTIVE: "unfit",
    INITIAL_INACTIVE: "unfit",
    INACTIVE_LOCKED: "unfit",
    INACTIVE_BY_DIRECTORY: "unfit",
    BANNED: "unfit",
    BANNED_LOCKED: "LOCKED",
    BANNED_INACTIVE: "unfit",
    ...GONE,
  },
  deactivate: {
    ACTIVE: "INACTIVE",
    INITIAL: "initial",
    LOCKED: "INACTIVE",
    INITIAL_LOCKED: "INACTIVE",
    LOCK_SCHEDULED: "INACTIVE",
    INACTIVE: "unfit",
    INITIAL_INACTIVE: "unfit",
    INACTIVE_LOCKED: "unfit",
    INACTIVE_BY_DIRECTORY: "unfit",
    BANNED: "LOCKED",
    BANNED_LOCKED: "LOCKED",
    BANNED_INACTIVE: "unfit",
    ...GONE,
  },
  reactivate: {
    ACTIVE: "unfit",
    INITIAL: "unfit",
    LOCKED: "unfit",
    INITIAL_LOCKED: "unfit",
    LOCK_SCHEDULED: "unfit",
    INACTIVE: "ACTIVE",
    INITIAL_INACTIVE: "ACTIVE",
    INACTIVE_LOCKED: "LOCKED",
    INACTIVE_BY_DIRECTORY: "unfit",
    BANNED: "unfit",
    BANNED_LOCKED: "unfit",
    BANNED_INACTIVE: "LOCKED",
    ...GONE,
  },
  delete: {
    ACTIVE: "gone",
    INITIAL: "gone",
    LOCKED: "gone",
    INITIAL_LOCKED: "gone",
    LOCK_SCHEDULED: "gone",
    INACTIVE: "gone",
    INITIAL_INACTIVE: "gone",
    INACTIVE_LOCKED: "gone",
    INACTIVE_BY_DIRECTORY: "gone",
    BANNED: "gone",
    BANNED_LOCKED: "gone",
    BANNED_INACTIVE: "gone",
    ...GONE,
  },
};

/** In v3alpha the lock is a flag next to the state, and no user is initial. */
const V3ALPHA: typeof V1_AND_V2 = {
  ...V1_AND_V2,
  lock: {
    ...V1_AND_V2.lock,
    INACTIVE: "INACTIVE",
    INITIAL_INACTIVE: "INACTIVE",
    INACTIVE_LOCKED: "INACTIVE",
    INACTIVE_BY_DIRECTORY: "INACTIVE",
  },
  unlock: { ...V1_AND_V2.unlock, INACTIVE_LOCKED: "INACTIVE" },
  deactivate: { ...V1_AND_V2.deactivate, INITIAL: "INACTIVE" },
};

/** The id of NOT_FOUND, the id and text of the wrong state, the id of INITIAL. */
type Ids = readonly [missing: string, unfit?: string, text?: string, initial?: string];

interface Service {
  readonly name: string;
  readonly path: (act: Act, id: string) => string;
  readonly expected: typeof V1_AND_V2;
  readonly ids: Readonly<Record<Act, Ids>>;
  /** The gRPC code of `initial`. */
  readonly initialCode: 5 | 9;
}

const ACTIVE_OR_INITIAL = "User is not active or initial";
const NOT_LOCKED = "User is not locked";
const ALREADY_INACTIVE = "User already inactive";
const NOT_INACTIVE = "User is not inactive";

const IDS_V2: Service["ids"] = {
  lock: ["COMMAND-450yxuqrh1", "COMMAND-lgws8wtsqf", ACTIVE_OR_INITIAL],
  unlock: ["COMMAND-x377t913pw", "COMMAND-olb9vb0oca", NOT_LOCKED],
  deactivate: ["COMMAND-5gp2p62iin", "COMMAND-5gunjw0cd7", ALREADY_INACTIVE, "COMMAND-gvx4kct9r2"],
  reactivate: ["COMMAND-9hy5kzbuk6", "COMMAND-s5qqcz97hf", NOT_INACTIVE],
  delete: ["COMMAND-bd4ir1mblj"],
};

const SERVICES: readonly Service[] = [
  {
    name: "management v1",
    path: (act, id) =>
      act === "delete" ? `DELETE /management/v1/users/${id}` : `POST /management/v1/users/${id}/_${act}`,
    expected: V1_AND_V2,
    ids: {
      lock: ["COMMAND-5M9fs", "COMMAND-3NN8v", ACTIVE_OR_INITIAL],
      unlock: ["COMMAND-M0dos", "COMMAND-4M0ds", NOT_LOCKED],
      deactivate: ["COMMAND-3M9ds", "COMMAND-5M0sf", ALREADY_INACTIVE, "COMMAND-ke0fw"],
      reactivate: ["COMMAND-4M0sd", "COMMAND-6M0sf", NOT_INACTIVE],
      delete: ["COMMAND-m9od"],
    },
    initialCode: 5,
  },
  ...["v2", "v2beta"].map(
    (version): Service => ({
      name: `user ${version}`,
      path: (act, id) => (act === "delete" ? `DELETE /${version}/users/${id}` : `POST /${version}/users/${id}/${act}`),
      expected: V1_AND_V2,
      ids: IDS_V2,
      initialCode: 9,
    }),
  ),
  {
    name: "user v3alpha",
    path(act, id) {
      const path = `/resources/v3alpha/users/${id}`;
      return act === "delete" ? `DELETE ${path}` : `POST ${path}/_${act === "reactivate" ? "activate" : act}`;
    },
    expected: V3ALPHA,
    ids: {
      lock: ["COMMAND-G4LOrnjY7q"],
      unlock: ["COMMAND-gpBv46Lh9m"],
      deactivate: ["COMMAND-Ob6lR5iFTe"],
      reactivate: ["COMMAND-rQjbBr4J3j"],
      delete: ["COMMAND-syHyCsGmvM"],
    },
    initialCode: 5,
  },
];

/** HTTP status and body of a refusal. */
function refusal({ ids, initialCode }: Service, act: Act, expected: Expected): readonly [number, unknown] {
  const [missing, unfit, text = "", initial = ""] = ids[act];
  if (expected === "initial") {
    const said = errorBody(initialCode, "User with state initial can only be deleted not deactivated", initial);
    return [initialCode === 5 ? 404 : 400, said];
  }
  if (expected === "unfit" && unfit !== undefined) return [400, errorBody(9, text, unfit)];
  return [404, errorBody(5, "User could not be found", missing)];
}

const REFUSED: readonly Expected[] = ["missing", "unfit", "initial"];

for (const service of SERVICES) {
  test(service.name, async (t) => {
    const lab = await startLab(t);
    for (const act of ACTS) {
      await t.test(`${act} from every state`, async () => {
        const idOf = (start: Start): string => `${act}-${start}`;
        await makeUsers(lab, STARTS, idOf);
        for (const start of STARTS) {
          const expected = service.expected[act][start];
          const what = `${act} of ${start}`;
          const userId = idOf(start);
          const before = start === "MISSING" ? undefined : await lab.users.getUser({ userId, showDeleted: true });
          const { status, json } = await lab.rest(service.path(act, userId));
          if (REFUSED.includes(expected)) {
            assert.deepEqual([status, json], refusal(service, act, expected), what);
            if (before !== undefined) {
              const after = await lab.users.getUser({ userId, showDeleted: true });
              assert.deepEqual(after, before, `${what} changed something`);
            }
            continue;
          }
          assert.equal(status, 200, `${what}: ${JSON.stringify(json)}`);
          const shown = await lab.rest(`GET /v2/users/${userId}`);
          if (expected === "gone") assert.equal(shown.status, 404, what);
          else assert.equal((shown.json.user as { state?: string }).state, `USER_STATE_${expected}`, what);
        }
      });
    }
  });
}

describe("a lock", () => {
  test("ends the sessions, never expires, and names the dialect in the history", async (t) => {
    const lab = await startLab(t);
    await makeUsers(lab, ["ACTIVE"], () => "alice");
    const before = (await lab.users.getUser({ userId: "alice" })).user;
    await lab.rest("POST /v2/users/alice/lock");
    const { user } = await lab.users.getUser({ userId: "alice" });
    assert.equal(user?.revocationEpoch, (before?.revocationEpoch ?? 0n) + 1n);
    assert.equal(user.restrictions.length, 1);
    assert.equal(user.restrictions[0]?.expireTime, undefined);
    const { events } = await lab.users.listUserEvents({ userId: "alice" });
    assert.equal(events[0]?.via, "zitadel");
  });

  test("that is only scheduled is replaced by one that starts now", async (t) => {
    const lab = await startLab(t);
    await makeUsers(lab, ["LOCK_SCHEDULED"], () => "alice");
    await lab.rest("POST /management/v1/users/alice/_lock");
    const { user } = await lab.users.getUser({ userId: "alice" });
    assert.deepEqual(
      user?.restrictions.map(({ scheduled }) => scheduled),
      [false],
    );
  });

  test("and its lifting end the initial state permanently", async (t) => {
    const lab = await startLab(t);
    await makeUsers(lab, ["INITIAL"], () => "alice");
    const state = async (): Promise<unknown> =>
      ((await lab.rest("GET /v2/users/alice")).json.user as { state?: string }).state;
    assert.equal(await state(), "USER_STATE_INITIAL");
    await lab.rest("POST /v2/users/alice/lock");
    assert.equal(await state(), "USER_STATE_LOCKED");
    await lab.rest("POST /v2/users/alice/unlock");
    assert.equal(await state(), "USER_STATE_ACTIVE");
    assert.equal((await lab.rest("POST /v2/users/alice/deactivate")).status, 200);
  });
});

test("of 50 simultaneous locks one succeeds and 49 answer that the user is not active", async (t) => {
  const lab = await startLab(t);
  await makeUsers(lab, ["ACTIVE"], () => "alice");
  const answers = await Promise.all(Array.from({ length: 50 }, () => lab.rest("POST /v2/users/alice/lock")));
  const refused = answers.filter(({ status }) => status !== 200);
  assert.equal(refused.length, 49);
  for (const { status, json } of refused) {
    assert.deepEqual([status, json], [400, errorBody(9, ACTIVE_OR_INITIAL, "COMMAND-lgws8wtsqf")]);
  }
  const { user } = await lab.users.getUser({ userId: "alice" });
  assert.equal(user?.details?.sequence, 2n);
});
