/** Answers over HTTP/1.1 to clients that are still sending when the connection closes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { defer } from "../../support/cleanup.ts";
import { until } from "../../support/until.ts";
import { startLab } from "../support/lab.ts";
import { openSocket, receive } from "../support/raw.ts";

describe("a client that reads only when it has sent its body, which is refused at its head", () => {
  for (const [who, version, header] of [
    ["keeps its connection", "1.1", ""],
    ["closes its connection afterwards", "1.1", "Connection: close\r\n"],
    ["speaks HTTP/1.0", "1.0", ""],
  ]) {
    it(`gets its answer if it ${who}`, async (t) => {
      const lab = await startLab({ limits: { lingerMs: 60_000 } });
      defer(t, lab.stop);
      const socket = await openSocket(lab);
      const errors: unknown[] = [];
      socket.on("error", (error) => errors.push(error)).pause();
      socket.write(
        `POST /lab.v1.LabService/Say HTTP/${version}\r\nHost: lab\r\nAuthorization: Bearer one\r\n${header}`,
      );
      socket.write("Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n");
      await until(() => lab.records.length === 1, "the call's record");
      // A closed socket resets the connection at the first write, which the second one notices.
      for (let write = 0; write < 3; write++) {
        socket.write(Buffer.alloc(10_000, 32));
        await delay(10);
      }
      let text = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => {
        text += chunk;
      });
      socket.resume();
      await until(() => text.includes("resource_exhausted") || errors.length > 0 || socket.destroyed, "the answer");
      assert.deepEqual(errors, []);
      assert.match(text, /^HTTP\/1\.1 429/);
      if (who !== "keeps its connection" && !socket.readableEnded) await once(socket, "end");
      socket.destroy();
    });
  }
});

describe("a connection that closes after an answer while its client still sends", () => {
  it("serves nothing that comes after it", async (t) => {
    const lab = await startLab({ limits: { lingerMs: 60_000 } });
    defer(t, lab.stop);
    const socket = await openSocket(lab);
    socket.allowHalfOpen = true;
    // A client that waits for 100 (Continue), and is refused, may send its body or another request next.
    socket.write("POST /lab.v1.LabService/Say HTTP/1.1\r\nHost: lab\r\nExpect: 100-continue\r\n");
    socket.write("Content-Type: application/json\r\nContent-Length: 2\r\n\r\n");
    const text = receive(socket);
    await until(() => lab.records.length === 1, "the call's record");
    const second = "POST /lab.v1.LabService/Say HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer one\r\n";
    socket.end(`{}${second}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`);
    assert.match(await text, /^HTTP\/1\.1 401 [\s\S]*connection: close/);
    // It would have begun before this one.
    await fetch(`${lab.url}/healthz`);
    await until(() => lab.transport.load.requests === 0, "the end of all calls");
    assert.equal(lab.records.length, 1);
  });

  it("is cut off when its time is over", async (t) => {
    const lab = await startLab({ limits: { lingerMs: 20 } });
    defer(t, lab.stop);
    const socket = await openSocket(lab);
    socket.allowHalfOpen = true;
    socket.write("POST /lab.v1.LabService/Say HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n");
    socket.write("Content-Type: application/json\r\nContent-Length: 10\r\n\r\n");
    await until(() => lab.transport.load.connections === 0, "the end of the connection");
    socket.destroy();
  });
});
