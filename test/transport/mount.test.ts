/** Mounts that cannot be served are refused when the transport is created, with a sentence that names the fault. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Mount, mount } from "../../src/transport/mount.ts";
import { createTransport, type Transport } from "../../src/transport/transport.ts";
import { LabService } from "./support/lab-service.ts";

const options = { admit: () => "open", unknownFields: "refuse" } as const;

function transportOf(...mounts: Mount<string>[]): Transport {
  return createTransport({ mounts, newCallId: () => "id", finished: () => undefined, logInternal: () => undefined });
}

describe("a mount", () => {
  it("refuses a handler of a method that the service does not have", () => {
    const handlers = { shout: async () => ({}) } as never;
    assert.throws(() => mount(LabService, handlers, options), /LabService has no method shout; it has echo, say/);
  });

  it("refuses to serve a method that the service does not have", () => {
    const served = mount(LabService, {}, { ...options, methods: ["shout"] });
    assert.throws(() => transportOf(served), /LabService has no method shout/);
  });

  it("refuses the same service twice", () => {
    const served = mount(LabService, {}, options);
    assert.throws(() => transportOf(served, served), /\/lab\.v1\.LabService\/Echo is mounted twice/);
  });

  it("stops without ever having listened", async () => {
    await transportOf().stop({ graceMs: 0 });
  });
});
