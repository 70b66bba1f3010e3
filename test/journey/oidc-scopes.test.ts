/** One subject of an issuer with tokens of two organizations: what it does in one is nothing that it did in the other. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { HandmadeIssuer, issuersFile } from "../support/issuers.ts";
import { startService } from "../support/service.ts";
import { ask, codeOf, RAW_WIRES, RawClient, readAnswer } from "../support/wires.ts";

const GRPC = RAW_WIRES.find(({ name }) => name === "gRPC, HTTP/2") ?? assert.fail();

describe("one subject with tokens of two organizations", () => {
  const CLAIM = "https://lockkeeper.test/org";

  async function openBoth(t: TestContext) {
    const issuer = await HandmadeIssuer.open(t);
    const oidcIssuers = await issuersFile(t, [{ issuer: issuer.url, organizationClaim: CLAIM }]);
    const service = await startService(t, { config: { oidcIssuers } });
    const client = new RawClient(service.url);
    t.after(() => client.close());
    for (const organizationId of ["acme", "bolt"]) await service.organizations.createOrganization({ organizationId });
    const roles = ["boss"];
    const [acme, bolt] = [await issuer.sign({ [CLAIM]: "acme", roles }), await issuer.sign({ [CLAIM]: "bolt", roles })];
    return { service, client, acme, bolt };
  }

  test("is never answered with what a request id did in the other one, over every wire", async (t) => {
    const { service, acme, bolt, client } = await openBoth(t);
    const ids = (organizationId: string) =>
      service.users.listUsers({ organizationId }).then(({ users }) => users.map(({ userId }) => userId));
    for (const [index, wire] of RAW_WIRES.entries()) {
      const message = { userId: "", profile: { givenName: "Ada" }, requestId: `create-${index}` };
      for (const token of [acme, bolt, acme, bolt]) {
        assert.equal(codeOf(await ask(client, wire, token, "CreateUser", message)), "OK", wire.name);
      }
      const [inAcme, inBolt] = [await ids("acme"), await ids("bolt")];
      assert.deepEqual([inAcme.length, inBolt.length], [index + 1, index + 1], wire.name);
      assert.deepEqual(
        inAcme.filter((id) => inBolt.includes(id)),
        [],
      );
    }
  });

  test("every change of a user applies to the named organization, and not to the other one", async (t) => {
    const { service, acme, bolt, client } = await openBoth(t);
    await service.users.createUser({ userId: "bob", organizationId: "acme", profile: { email: "bob@acme.example" } });
    const changes: readonly (readonly [string, JsonObject])[] = [
      ["UpdateUser", { profile: { givenName: "Bob" }, updateMask: "profile.givenName" }],
      ["LockUser", {}],
      ["UnlockUser", {}],
      ["BanUser", {}],
      ["UnbanUser", {}],
      ["DeactivateUser", {}],
      ["ReactivateUser", {}],
      ["DeleteUser", {}],
    ];
    for (const [rpc, more] of changes) {
      const message = { userId: "bob", requestId: `r-${rpc}`, ...more };
      assert.equal(codeOf(await ask(client, GRPC, acme, rpc, message)), "OK", rpc);
      assert.equal(codeOf(await ask(client, GRPC, acme, rpc, message)), "OK", `${rpc}, repeated`);
      const other = readAnswer(await ask(client, GRPC, bolt, rpc, message));
      assert.ok(typeof other === "object", `${rpc} answers what another organization's token did`);
      assert.equal(other.reason, "USER_NOT_FOUND", rpc);
    }
  });

  test("has attempts of its own in each", async (t) => {
    const { service, acme, bolt } = await openBoth(t);
    const begin = async (token: string, subject: JsonObject) => {
      const response = await fetch(`${service.url}/v1/attempts`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({
          attemptId:
            "userId" in subject ? "7d8f2f0e-3c55-4c4b-9d58-2a0a4a5b1c01" : "7d8f2f0e-3c55-4c4b-9d58-2a0a4a5b1c02",
          subject,
          factor: "FACTOR_PASSWORD",
        }),
      });
      return JSON.stringify(await response.json());
    };
    await service.policies.updatePolicy({
      values: { concealUnknown: true },
      updateMask: { paths: ["conceal_unknown"] },
    });
    await service.users.createUser({ userId: "bob", organizationId: "acme" });
    for (const subject of [{ userId: "bob" }, { identifier: "nobody@example.com" }]) {
      assert.match(await begin(acme, subject), /"admitted":true/);
      assert.match(await begin(acme, subject), /"admitted":true/);
      assert.doesNotMatch(await begin(bolt, subject), /"admitted":true/);
    }
  });
});
