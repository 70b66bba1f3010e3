import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { replaceStreamTables } from "../../../src/transport/listen/stream-tables.ts";

/** A session of a real server with a real client, and the streams that the server opens. */
async function openSession(t: TestContext) {
  const server = http2.createServer();
  const serverSession = once(server, "session") as Promise<[http2.ServerHttp2Session]>;
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => {
    client.destroy();
    server.close();
  });
  const [session] = await serverSession;
  return { server, session, client };
}

describe("the tables of an HTTP/2 session", () => {
  test("are replaced in this release of Node, once and before the first stream", async (t) => {
    const { session } = await openSession(t);
    assert.equal(replaceStreamTables(session), true, "Node keeps the streams of a session in another way now");
    assert.equal(replaceStreamTables(session), false);
  });

  test("stay as they are once there are streams", async (t) => {
    const { server, session, client } = await openSession(t);
    const opened = once(server, "stream");
    client.request({ ":path": "/" }).on("error", () => undefined);
    await opened;
    assert.equal(replaceStreamTables(session), false);
  });

  test("are left alone where Node has others", () => {
    assert.equal(replaceStreamTables({} as http2.ServerHttp2Session), false);
    const session = { [Symbol("state")]: { streams: new WeakMap(), pendingStreams: new WeakSet() } };
    assert.equal(replaceStreamTables(session as unknown as http2.ServerHttp2Session), false);
  });

  test("know all streams: a session that is destroyed destroys them", async (t) => {
    const { server, session, client } = await openSession(t);
    replaceStreamTables(session);
    const streams: http2.ServerHttp2Stream[] = [];
    server.on("stream", (stream: http2.ServerHttp2Stream) => {
      stream.on("error", () => undefined);
      if (streams.push(stream) === 100) server.emit("all");
    });
    const all = once(server, "all");
    for (let i = 0; i < 100; i++) client.request({ ":path": "/" }).on("error", () => undefined);
    await all;
    const closed = Promise.all(streams.map((stream) => once(stream, "close")));
    session.destroy();
    await closed;
    assert.ok(streams.every(({ destroyed }) => destroyed));
  });

  test("know when the last stream has gone: a closing session ends with it", async (t) => {
    const { server, session, client } = await openSession(t);
    replaceStreamTables(session);
    const opened = once(server, "stream") as Promise<[http2.ServerHttp2Stream]>;
    const request = client.request({ ":path": "/" });
    request.resume();
    const [stream] = await opened;
    const closed = once(session, "close");
    session.close();
    stream.respond({ ":status": 204 }, { endStream: true });
    await once(request, "close");
    await closed;
    assert.equal(request.rstCode, http2.constants.NGHTTP2_NO_ERROR);
  });
});
