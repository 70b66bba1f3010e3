/** Mounts that are loaded after the port is open: requests for them wait, all others are served at once. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRegistry } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { nativeRestPolicy } from "../../src/transcoding/policy.ts";
import { type LateMounts, type Mount, type Mounts, mountHttp } from "../../src/transport/mount.ts";
import { until } from "../support/until.ts";
import { withLab } from "./support/lab.ts";
import { LabService } from "./support/lab-service.ts";

const late = mountHttp<string>("/late", (call) => {
  call.addToRecord({ operation: "late" });
  return { status: 200, header: { "content-type": "text/plain" }, body: Buffer.from("late") };
});

function lateMounts(load: LateMounts<string>["load"]): LateMounts<string> {
  return { owns: (path) => path.startsWith("/late"), load };
}

describe("late mounts", () => {
  it("delay only calls to them, and are loaded once", async () => {
    const { promise, resolve } = Promise.withResolvers<Mounts<string>>();
    let loads = 0;
    const load = (): Promise<Mounts<string>> => {
      loads++;
      return promise;
    };
    await withLab({ lateMounts: [lateMounts(load)] }, async (lab) => {
      let answered = 0;
      const waiting = [1, 2, 3].map(async () => {
        const answer = await fetch(`${lab.url}/late/x`, { method: "POST", body: "a body that waits as well" });
        answered++;
        return answer.text();
      });
      assert.equal((await fetch(`${lab.url}/plain`)).status, 200);
      assert.equal(answered, 0);
      resolve({ mounts: [], httpMounts: [late] });
      assert.deepEqual(await Promise.all(waiting), ["late", "late", "late"]);
      await lab.transport.loaded;
      assert.equal(await (await fetch(`${lab.url}/late`)).text(), "late");
      assert.equal(loads, 1);
    });
  });

  it("drop a caller that did not wait", async () => {
    const { promise, resolve } = Promise.withResolvers<Mounts<string>>();
    await withLab({ lateMounts: [lateMounts(() => promise)] }, async (lab) => {
      await assert.rejects(fetch(`${lab.url}/late`, { signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
      // The end of the connection is on its way to the service.
      await new Promise((done) => setTimeout(done, 50));
      resolve({ mounts: [], httpMounts: [late] });
      await lab.transport.loaded;
      assert.equal((await fetch(`${lab.url}/plain`)).status, 200);
      assert.deepEqual(lab.records, []);
      assert.deepEqual(lab.internals, []);
    });
  });

  it("answer 503 when they cannot be loaded, and `loaded` rejects with the cause; all others are served", async () => {
    const load = (): Promise<Mounts<string>> => Promise.reject(new Error("a package is missing"));
    await withLab({ lateMounts: [lateMounts(load)] }, async (lab) => {
      await assert.rejects(lab.transport.loaded, /a package is missing/);
      for (const path of ["/late", "/late/x"]) assert.equal((await fetch(`${lab.url}${path}`)).status, 503);
      assert.equal((await fetch(`${lab.url}/plain`)).status, 200);
    });
  });

  it("are refused completely if they serve a path that is already served", async () => {
    const rest = nativeRestPolicy({ registry: createRegistry() });
    const twice: Mount<string> = {
      service: LabService,
      handlers: {},
      options: { admit: () => "open", rest, unknownFields: "refuse" },
    };
    const load = async (): Promise<Mounts<string>> => ({ mounts: [twice], httpMounts: [late] });
    await withLab({ lateMounts: [lateMounts(load)] }, async (lab) => {
      await assert.rejects(lab.transport.loaded, /lab\.v1\.LabService\/\w+ is mounted twice/);
      assert.equal((await fetch(`${lab.url}/late`)).status, 503);
    });
  });
});

describe("records of plain mounts", () => {
  it("are recorded once the handler has named the operation, with what it added, and not before", async () => {
    const noted = mountHttp<string>("/noted", (call) => {
      call.addToRecord({ operation: "first", userId: "ann" });
      const error = new ConnectError("no", Code.NotFound);
      call.addToRecord({ admission: call.header.get("x-who") ?? "", error });
      return { status: 404, header: {}, body: Buffer.from(`${call.method} ${call.query} ${call.remoteAddress}`) };
    });
    await withLab({ httpMounts: [noted] }, async (lab) => {
      const answer = await fetch(`${lab.url}/noted/a%20b?c=d`, { method: "PUT", headers: { "x-who": "me" } });
      assert.deepEqual([answer.status, await answer.text()], [404, "PUT c=d 127.0.0.1"]);
      await until(() => lab.records.length === 1, "a record");
      const { operation, userId, admission, code, path, wire, httpStatus, id } = await lab.record();
      assert.deepEqual(
        [operation, userId, admission, code, path, wire, httpStatus, id],
        ["first", "ann", "me", Code.NotFound, "/noted/a%20b", "http", 404, "call-1"],
      );
      await fetch(`${lab.url}/healthz`);
      assert.equal(lab.records.length, 1);
    });
  });
});
