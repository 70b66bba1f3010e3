/** How streams of WatchEvents begin and end: cursors, scope, filters, limits, revocation, stop, slow readers. */
import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { describe, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import type { Event } from "../../../gen/lockkeeper/event/v1/event_pb.ts";
import { EventService } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { assertRefused } from "../../support/refusals.ts";
import { ADMIN_KEY, clientsOf, type Running, startService } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import { linesOf, openStalled, openStream, STALLED_WIRES, WATCHES } from "../support/watchers.ts";

type Request = Parameters<Running["events"]["watchEvents"]>[0];

/** The events and the last cursor up to the first message that has none. */
async function readOn({ events }: Pick<Running, "events">, request: Request) {
  const types: (string | undefined)[] = [];
  let cursor = "";
  for await (const message of events.watchEvents(request)) {
    types.push(...message.events.map(({ payload }) => payload.case));
    ({ cursor } = message);
    if (message.events.length > 0) break;
  }
  return { types, cursor };
}

/** Reads until the stream ends, and returns its error with the last cursor that it gave. */
async function endOf(messages: AsyncIterable<{ readonly cursor: string }>, onFirst?: () => Promise<unknown>) {
  let cursor = "";
  try {
    for await (const message of messages) {
      if (cursor === "") await onFirst?.();
      ({ cursor } = message);
    }
  } catch (error) {
    const failure = ConnectError.from(error);
    const [info] = failure.findDetails(ErrorInfoSchema);
    return { code: failure.code, reason: info?.reason, metadata: info?.metadata ?? {}, cursor };
  }
  assert.fail("the stream ended without an error");
}

describe("a stream of WatchEvents", () => {
  test("begins now without a cursor, at the first event with 0, and goes on after the cursor of an event", async (t) => {
    const running = await startService(t);
    const { users } = running;
    await users.createUser({ userId: "ann" });
    const [fresh] = await Promise.all([
      readOn(running, {}),
      // Not before the stream has begun: its first message says so.
      new Promise((resolve) => setTimeout(resolve, 200)).then(() => users.lockUser({ userId: "ann" })),
    ]);
    assert.deepEqual(fresh.types, ["userLocked"]);
    const all = await readOn(running, { cursor: "0", filter: "user=ann" });
    assert.deepEqual(all.types, ["userCreated", "userLocked"]);
    const { events } = await users.listUserEvents({ userId: "ann" });
    const [locked, created] = events.map(({ cursor }) => cursor);
    assert.deepEqual((await readOn(running, { cursor: created ?? "" })).types, ["userLocked"]);
    assert.deepEqual([fresh.cursor, all.cursor], [locked, locked]);
  });

  test("refuses cursors that were not made here, and filters that do not parse", async (t) => {
    const { events } = await startService(t);
    const foreign = await readOn(await startService(t), { cursor: "0" });
    const next = (request: Request) => events.watchEvents(request)[Symbol.asyncIterator]().next();
    for (const cursor of ["1", "x", "AQAAAAEAAAAAAAAAAAAAAAHH", "0".repeat(200), foreign.cursor]) {
      const { fields } = await assertRefused(next({ cursor }), "InvalidArgument", "FIELD_INVALID");
      assert.deepEqual(fields, ["cursor"]);
    }
    const { message } = await assertRefused(next({ filter: "type=Nothing" }), "InvalidArgument", "FIELD_INVALID");
    assert.match(message, /column 6/);
  });

  test("shows an organization's key its own events only, and no personal values without user.read", async (t) => {
    const running = await startService(t);
    const { users, organizations, keys, url } = running;
    await organizations.createOrganization({ organizationId: "acme" });
    await users.createUser({ userId: "theirs" });
    await users.createUser({ userId: "ours", organizationId: "acme", profile: { email: "o@example.com" } });
    const { secret } = await keys.createApiKey({ role: "auditor", organizationId: "acme" });
    const own = clientsOf(url, secret);
    assert.deepEqual(
      (await readToKey(own)).map(({ payload, userId, withheldFields }) => [payload.case, userId, withheldFields]),
      [
        ["organizationCreated", "", []],
        ["userCreated", "ours", ["profile.email"]],
        ["apiKeyCreated", "", []],
      ],
    );
    await assertRefused(
      own.events.watchEvents({ organizationId: "default" })[Symbol.asyncIterator]().next(),
      "PermissionDenied",
      "SCOPE_EXCEEDED",
    );
    const login = clientsOf(url, (await keys.createApiKey({ role: "login" })).secret);
    const refused = login.events.watchEvents({})[Symbol.asyncIterator]().next();
    await assertRefused(refused, "PermissionDenied", "PERMISSION_MISSING");
  });

  test("P30 ends on every wire within a second of its key's revocation, and shows nothing that came after", async (t) => {
    const running = await startService(t);
    const { keys, users, url } = running;
    const { apiKey, secret } = await keys.createApiKey({ role: "operator" });
    const begun: string[] = [];
    const ends = Object.entries(WATCHES).map(async ([name, watch]) => {
      const seen: string[] = [];
      try {
        for await (const { events } of watch(url, secret, {}, AbortSignal.timeout(20_000))) {
          begun.push(name);
          seen.push(...events.map(({ userId }) => userId));
        }
      } catch (error) {
        assert.match(String(error), /revoked/, name);
      }
      return seen.filter((userId) => userId === "late");
    });
    await until(() => begun.length >= ends.length, "all streams to begin");
    await keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
    await users.createUser({ userId: "late" });
    assert.deepEqual((await Promise.all(ends)).flat(), []);
  });

  test("ends at a stop with the cursor from which to go on", async (t) => {
    const running = await startService(t, { config: { stopGraceMs: 20_000 } });
    const connect = createConnectTransport({ baseUrl: running.url, httpVersion: "1.1" });
    const overConnect = createClient(EventService, connect);
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    let begun = 0;
    const onFirst = async () => {
      if (++begun === 2) void running.stop();
    };
    const ends = await Promise.all([
      endOf(running.events.watchEvents({}), onFirst),
      endOf(overConnect.watchEvents({}, { headers }), onFirst),
    ]);
    for (const { code, reason, metadata, cursor } of ends) {
      assert.deepEqual([code, reason], [Code.Unavailable, "SERVICE_STOPPING"]);
      assert.deepEqual([metadata.cursor, cursor !== ""], [cursor, true]);
    }
  });

  test("is refused beyond the limits of its caller and of the process, and has room again after", async (t) => {
    const running = await startService(t, { isOneProcess: true, config: { watchStreams: 3, watchStreamsCaller: 2 } });
    const { keys, url } = running;
    const other = clientsOf(url, (await keys.createApiKey({ role: "viewer" })).secret);
    const controller = new AbortController();
    const begin = async ({ events }: Pick<Running, "events">) => {
      const iterator = events.watchEvents({}, { signal: controller.signal })[Symbol.asyncIterator]();
      await iterator.next();
      return iterator;
    };
    const open = [await begin(running), await begin(running)];
    const own = await assertRefused(begin(running), "ResourceExhausted", "WATCH_TOO_MANY");
    assert.match(own.message, /this caller has 2 streams/);
    await begin(other);
    const all = await assertRefused(begin(other), "ResourceExhausted", "WATCH_TOO_MANY");
    assert.match(all.message, /3 streams of WatchEvents are open/);
    controller.abort();
    await assert.rejects(open[0]?.next() ?? assert.fail());
    const again = new AbortController();
    await until(async () => {
      const next = running.events.watchEvents({}, { signal: again.signal })[Symbol.asyncIterator]().next();
      return await next.then(
        () => true,
        () => false,
      );
    }, "a place");
    again.abort();
  });

  test("is sent away on every wire when it is not read, with a cursor from which the rest comes", async (t) => {
    const running = await startService(t);
    const { users, url } = running;
    const streams = await Promise.all(
      Object.entries(STALLED_WIRES).map(async ([wire, request]) => {
        const { stream } = await openStalled(t, url, request);
        let trailers: Readonly<Record<string, unknown>> = {};
        stream.once("trailers", (found) => {
          trailers = found;
        });
        return { wire, stream, trailersOf: () => trailers };
      }),
    );
    const attributes = { app: { text: "x".repeat(3_000) } };
    for (const part of ["a", "b"]) {
      const ids = Array.from({ length: 600 }, (_, index) => `${part}-${index}`);
      await users.importUsers({ users: ids.map((userId) => ({ userId, attributes })) });
    }
    for (const { wire, stream, trailersOf } of streams) {
      const body = (await buffer(stream)).toString("latin1");
      const info = infoOf(body, trailersOf());
      assert.equal(info.reason, "WATCH_TOO_SLOW", wire);
      const { types } = await readOn(running, { cursor: info.cursor });
      assert.equal(types[0], "userImported", wire);
    }
  });

  test("is server-sent events with ids, never compressed and not to be collected by proxies", async (t) => {
    const { url, users } = await startService(t);
    await users.createUser({ userId: "ann" });
    const controller = new AbortController();
    const answer = await openStream(url, ADMIN_KEY, {
      request: { cursor: "0" },
      accept: "text/event-stream",
      headers: { "accept-encoding": "gzip, br" },
      signal: controller.signal,
    });
    const { headers } = answer;
    assert.deepEqual(
      ["content-type", "cache-control", "x-accel-buffering", "content-encoding"].map((name) => headers.get(name)),
      ["text/event-stream", "no-store", "no", null],
    );
    const lines: string[] = [];
    for await (const line of linesOf(answer)) {
      lines.push(line);
      if (line.includes('"ann"')) break;
    }
    controller.abort();
    const [id, data, empty, nextId] = lines;
    assert.match(id ?? "", /^id: [\w-]+$/);
    assert.deepEqual(JSON.parse((data ?? "").slice("data: ".length)), {
      result: { cursor: (id ?? "").slice("id: ".length) },
    });
    assert.deepEqual([empty, nextId?.startsWith("id: ")], ["", true]);
  });
});

/** All events of an organization up to the creation of its key. */
async function readToKey({ events }: Pick<Running, "events">) {
  const all: Event[] = [];
  for await (const message of events.watchEvents({ cursor: "0" })) {
    all.push(...message.events);
    if (all.some(({ payload }) => payload.case === "apiKeyCreated")) break;
  }
  return all;
}

/** The reason and the cursor of the refusal at the end of a stream: in trailers, in a last frame, or as JSON. */
function infoOf(body: string, trailers: Readonly<Record<string, unknown>>) {
  const [, inBody] = /grpc-status-details-bin: ?([\w+/=-]+)/i.exec(body) ?? [];
  const details = inBody ?? trailers["grpc-status-details-bin"];
  if (details !== undefined) {
    const status = fromBinary(StatusSchema, Buffer.from(String(details), "base64"));
    const [info] = status.details.flatMap((detail) => anyUnpack(detail, ErrorInfoSchema) ?? []);
    return { reason: info?.reason, cursor: info?.metadata.cursor ?? "" };
  }
  const { error } = JSON.parse(body.slice(body.lastIndexOf('{"error"'))) as { readonly error: JsonError };
  const [detail] = error.details;
  const { reason, metadata } = detail?.value === undefined ? { ...detail } : infoFrom(detail.value);
  return { reason, cursor: metadata?.cursor ?? "" };
}

interface JsonError {
  readonly details: readonly {
    readonly reason?: string;
    readonly metadata?: Readonly<Record<string, string>>;
    /** Over Connect: the detail as protobuf in base64. */
    readonly value?: string;
  }[];
}

function infoFrom(value: string) {
  return fromBinary(ErrorInfoSchema, Buffer.from(value, "base64"));
}
