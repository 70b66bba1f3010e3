/** The rules of organizations. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type CreateOrganization,
  DEFAULT_LOCK_DURATION_MS,
  decideOrganization,
  evolveOrganization,
  type Organization,
  type OrganizationCommand,
  type UpdateOrganization,
} from "../../src/domain/organization.ts";
import { ADMIN, CONTEXT, DAY, HOUR, NOW, refusalOf } from "./support/given.ts";

const INSTANCE = { ...CONTEXT, scope: null };

function creating(more: Partial<CreateOrganization> = {}): CreateOrganization {
  return { type: "CreateOrganization", organizationId: "acme", displayName: "Acme", context: INSTANCE, ...more };
}

function updating(more: Partial<UpdateOrganization> = {}): UpdateOrganization {
  return { type: "UpdateOrganization", organizationId: "acme", context: INSTANCE, ...more };
}

function after(before: Organization | undefined, command: OrganizationCommand, now = NOW): Organization | undefined {
  const decision = decideOrganization(before, command, now);
  if (!decision.ok) throw new Error(decision.refusal.message);
  return decision.events.reduce<Organization | undefined>(
    (all, event) => evolveOrganization(all, event, "acme"),
    before,
  );
}

const acme = after(undefined, creating());

describe("creating an organization", () => {
  test("it has the name given, locks that last an hour, and one event", () => {
    assert.equal(DEFAULT_LOCK_DURATION_MS, HOUR);
    assert.deepEqual(acme, {
      id: "acme",
      displayName: "Acme",
      defaultLockDurationMs: HOUR,
      sequence: 1,
      creationTime: NOW,
      changeTime: NOW,
    });
  });

  test("the default lock duration is taken where it is given", () => {
    assert.equal(after(undefined, creating({ defaultLockDurationMs: DAY }))?.defaultLockDurationMs, DAY);
  });

  test("a taken id is refused", () => {
    const refusal = refusalOf(decideOrganization(acme, creating(), NOW));
    assert.deepEqual([refusal.reason, refusal.metadata], ["ORGANIZATION_ALREADY_EXISTS", { organizationId: "acme" }]);
  });
});

describe("updating an organization", () => {
  const rows: readonly (readonly [title: string, command: UpdateOrganization, data: object | undefined])[] = [
    ["a new name is set", updating({ displayName: "A" }), { displayName: "A" }],
    ["an empty name is a name", updating({ displayName: "" }), { displayName: "" }],
    ["a new duration is set", updating({ defaultLockDurationMs: DAY }), { defaultLockDurationMs: DAY }],
    ["what is so already is not written", updating({ displayName: "Acme", defaultLockDurationMs: HOUR }), undefined],
    [
      "only what differs is written",
      updating({ displayName: "Acme", defaultLockDurationMs: 1 }),
      { defaultLockDurationMs: 1 },
    ],
    ["nothing given changes nothing", updating(), undefined],
    ["the right sequence passes", updating({ displayName: "A", expectedSequence: 1 }), { displayName: "A" }],
    ["the organization's own caller may", updating({ displayName: "A", context: CONTEXT }), { displayName: "A" }],
  ];
  for (const [title, command, data] of rows) {
    test(title, () => {
      const decision = decideOrganization(acme, command, NOW + 1);
      const events =
        data === undefined ? [] : [{ type: "OrganizationUpdated", time: NOW + 1, actor: ADMIN, data, personal: {} }];
      assert.deepEqual(decision, { ok: true, events });
    });
  }

  test("what an update does not name stays, the sequence grows, the date of creation does not", () => {
    assert.deepEqual(after(acme, updating({ displayName: "" }), NOW + 5), {
      ...acme,
      displayName: "",
      sequence: 2,
      changeTime: NOW + 5,
    });
  });

  test("P19 another sequence is refused with both numbers", () => {
    const refusal = refusalOf(decideOrganization(acme, updating({ displayName: "A", expectedSequence: 2 }), NOW));
    assert.equal(refusal.reason, "SEQUENCE_MISMATCH");
    assert.match(refusal.message, /expected_sequence is 2, the organization "acme" is at 1/);
    assert.deepEqual(refusal.metadata, { organizationId: "acme", expectedSequence: "2", sequence: "1" });
  });

  test("one that never was and one of another caller get the very same answer, before the sequence", () => {
    const command = updating({ expectedSequence: 9, context: { ...CONTEXT, scope: "other" } });
    const never = refusalOf(decideOrganization(undefined, command, NOW));
    assert.equal(never.reason, "ORGANIZATION_NOT_FOUND");
    assert.deepEqual(refusalOf(decideOrganization(acme, command, NOW)), never);
  });
});
