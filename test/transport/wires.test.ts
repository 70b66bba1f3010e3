/** Every client on every wire gets the same answers and the same refusals from one handler set. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Code } from "@connectrpc/connect";
import { type LabClient, labClients } from "./support/clients.ts";
import { type Lab, startLab } from "./support/lab.ts";

describe("the wires", () => {
  let lab: Lab;
  let clients: LabClient[];
  before(async () => {
    lab = await startLab();
    clients = labClients(lab.url);
  });
  after(async () => {
    for (const client of clients) client.close();
    await lab.stop();
  });

  async function onEach(check: (client: LabClient) => Promise<void>): Promise<void> {
    for (const client of clients) {
      try {
        await check(client);
      } catch (reason) {
        throw new Error(`${client.name}: ${reason instanceof Error ? reason.message : reason}`, { cause: reason });
      }
    }
  }

  it("carry a request to the handler and its answer back", async () => {
    const number = 2n ** 63n + 1n;
    await onEach(async ({ say, wire }) => {
      assert.deepEqual(await say({ text: "grüße 🎈", number }, "one"), {
        answer: { text: "grüße 🎈", number, wire, admission: "one" },
      });
    });
  });

  it("carry an empty request", async () => {
    await onEach(async ({ say, wire }) => {
      assert.deepEqual(await say({}, "one"), { answer: { text: "", number: 0n, wire, admission: "one" } });
    });
  });

  it("carry a text that is worth compressing", async () => {
    const text = "long ".repeat(2_000);
    await onEach(async ({ say, wire }) => {
      assert.deepEqual(await say({ text }, "one"), { answer: { text, number: 0n, wire, admission: "one" } });
    });
  });

  it("carry a refusal with its code, its text and its details", async () => {
    await onEach(async ({ say }) => {
      assert.deepEqual(await say({ act: "refuse" }, "one"), {
        code: Code.FailedPrecondition,
        message: "refused as asked: ü",
        reason: "LAB_REFUSED",
      });
    });
  });

  it("carry the refusal of admission", async () => {
    await onEach(async ({ say }) => {
      assert.deepEqual(await say({}, undefined), {
        code: Code.Unauthenticated,
        message: "Say needs a credential",
        reason: undefined,
      });
    });
  });

  it("reveal nothing of an unforeseen error, and log it once per call", async () => {
    lab.internals.length = 0;
    await onEach(async ({ say }) => {
      const internal = { code: Code.Internal, message: "internal error", reason: undefined };
      assert.deepEqual(await say({ act: "crash" }, "one"), internal);
      assert.deepEqual(await say({}, "crash"), internal);
      assert.deepEqual(await say({ act: "leak" }, "one"), { ...internal, code: Code.Unknown });
    });
    assert.equal(lab.internals.length, 3 * clients.length);
    assert.match(String(lab.internals[0]), /a secret of the database/);
    assert.match(String(lab.internals[2]), /a secret of the database/);
  });

  it("carry a refusal whose text is not well-formed", async () => {
    await onEach(async ({ say }) => {
      const aborted = { code: Code.Aborted, message: "half a pair: \ufffd", reason: undefined };
      assert.deepEqual(await say({ act: "halve" }, "one"), aborted);
    });
  });

  it("leave one record per call, with its wire and its outcome", async () => {
    const earlier = lab.records.length;
    await onEach(async ({ say, wire }) => {
      const count = lab.records.length;
      await say({ text: "noted", act: "refuse" }, "one");
      const record = await lab.record(count + 1);
      assert.equal(record.wire, wire);
      assert.equal(record.method?.name, "Say");
      assert.equal(record.code, Code.FailedPrecondition);
      assert.equal(record.error?.rawMessage, "refused as asked: ü");
      assert.equal(record.admission, "one");
      assert.equal((record.request as unknown as { text: string }).text, "noted");
      assert.equal(record.remoteAddress, "127.0.0.1");
      assert.ok(record.durationMs > 0 && record.durationMs < 2_000);
    });
    assert.equal(lab.records.length, earlier + clients.length);
    assert.equal(new Set(lab.records.map(({ id }) => id)).size, lab.records.length);
  });
});
