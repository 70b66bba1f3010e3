/** Failures that the original does not have: our queues, disks and limits, in its form. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type JsonObject, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "@zitadel/proto/zitadel/message_pb.js";
import { zitadelMounts } from "../../../../src/dialect/zitadel/mounts.ts";
import { keepOwnDetails, mapError } from "../../../../src/dialect/zitadel/wire/error.ts";
import { RefusalError, refuse } from "../../../../src/domain/refusal.ts";
import { ListLanes } from "../../../../src/service/list-lanes.ts";
import type { Operations } from "../../../../src/service/operations/operations.ts";
import { StoreUnavailableError } from "../../../../src/store/errors.ts";

describe("a failure of our own", () => {
  const call = {
    admission: {
      actor: { id: "key:1", permissions: new Set(["user.read", "user.write"]), scope: null, expireTime: null },
      organizationId: "default",
    },
    deadlineTime: undefined,
    signal: new AbortController().signal,
    takeTurn: () => undefined,
  };

  async function failWith(method: string, thrown: unknown): Promise<ConnectError> {
    const fail = async (): Promise<never> => {
      throw thrown;
    };
    const lists = new ListLanes();
    const given = {
      changeUser: fail,
      readUser: fail,
      searchUsers: fail,
      newId: () => "1",
      lists,
      recheck: () => undefined,
    };
    const operations = given as unknown as Operations;
    const mount = zitadelMounts(operations).find(({ service }) => service.typeName === "zitadel.user.v2.UserService");
    const handler = mount?.handlers[method] as unknown as (request: Message, call: object) => Promise<Message>;
    const input = mount?.service.method[method]?.input;
    assert.ok(input);
    const request = create(input, method === "listUsers" ? {} : { userId: "alice" });
    const error = await handler(request, call).then(
      () => assert.fail("it succeeded"),
      (reason: unknown) => reason,
    );
    return ConnectError.from(error);
  }

  test("keeps its code, and its reason is the id: never an empty list, never not found", async () => {
    for (const method of ["lockUser", "getUserByID", "listUsers"]) {
      const error = await failWith(method, new StoreUnavailableError("the disk is full", undefined));
      assert.equal(error.code, Code.Unavailable, method);
      const [detail, another] = error.findDetails(ErrorDetailSchema);
      assert.equal(another, undefined);
      assert.equal(detail?.id, "STORE_UNAVAILABLE");
      assert.equal(error.rawMessage, `${detail.message} (STORE_UNAVAILABLE)`);
      assert.equal(error.metadata.get("retry-after"), "1");
    }
    const reasons = [
      ["QUEUE_FULL", Code.ResourceExhausted],
      ["DEADLINE_PASSED", Code.DeadlineExceeded],
      ["SEARCH_TOO_BROAD", Code.FailedPrecondition],
    ] as const;
    for (const [reason, code] of reasons) {
      const refused = new RefusalError(refuse(reason, "so it is"));
      const error = await failWith("listUsers", refused);
      assert.deepEqual([error.code, error.rawMessage], [code, `so it is (${reason})`]);
      assert.equal(error.cause, refused);
    }
  });

  test("names the time to wait over REST, if waiting helps", () => {
    const [mount] = zitadelMounts({} as Operations);
    const policy = mount?.options.rest;
    assert.ok(policy);
    const encode = (thrown: Error): readonly [number, string | undefined, JsonObject] => {
      const { status, header, body } = policy.encodeError(ConnectError.from(mapError(thrown)), policy);
      return [status, header["retry-after"], JSON.parse(Buffer.from(body).toString()) as JsonObject];
    };
    const full = new RefusalError(refuse("QUEUE_FULL", "the queue is full", { retryAfterMs: 1500 }));
    const said = { id: "QUEUE_FULL", message: "the queue is full" };
    const details = [{ "@type": "type.googleapis.com/zitadel.v1.ErrorDetail", ...said }];
    assert.deepEqual(encode(full), [429, "2", { code: 8, message: "the queue is full (QUEUE_FULL)", details }]);
    const [status, retryAfter] = encode(new RefusalError(refuse("DEADLINE_PASSED", "too late")));
    assert.deepEqual([status, retryAfter], [504, undefined]);
  });

  test("has the original's words if there are any: a key revoked meanwhile", async () => {
    const error = await failWith("lockUser", new RefusalError(refuse("CREDENTIAL_INVALID", "revoked")));
    assert.deepEqual([error.code, error.rawMessage], [Code.Unauthenticated, "Errors.Token.Invalid (AUTH-7fs1e)"]);
  });

  test("that is unforeseen stays unchanged, and the transport masks it", () => {
    const bug = new TypeError("x is undefined");
    assert.equal(mapError(bug), bug);
  });

  test("has no details of other APIs", () => {
    const error = new ConnectError("malformed", Code.InvalidArgument);
    error.details = [{ type: "google.rpc.BadRequest", value: new Uint8Array() }];
    keepOwnDetails(error);
    assert.deepEqual(error.details, []);
  });
});
