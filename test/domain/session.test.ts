/** The rules of sessions: how long they are valid, and which reason wins when several end one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Restriction } from "../../src/domain/restriction.ts";
import {
  type CreateSession,
  DEFAULT_SESSION_MS,
  decideCreateSession,
  decideSession,
  SESSION_MS_MAX,
  type Session,
  sessionStatusOf,
} from "../../src/domain/session.ts";
import type { UserState } from "../../src/domain/user.ts";

const NOW = Date.UTC(2026, 0, 1);
/** Of the instance while the sessions here are opened. */
const GENERATION = 7;
const at = (now: number) => ({ now, generation: GENERATION });
const AT = at(NOW);
const CONTEXT = { actor: "key:a", via: "test", scope: null, validateOnly: false };

const ANN: UserState = {
  id: "ann",
  organizationId: "default",
  deleted: false,
  sequence: 1,
  epoch: 3,
  creationTime: NOW,
  changeTime: NOW,
  restrictions: [],
};

function restricted(kind: Restriction["kind"], more: Partial<Restriction> = {}): UserState {
  const times = { startTime: NOW, expireTime: null, started: true, revokeSessions: false };
  const own = { id: "r", kind, cause: "ADMIN" as const, reasonCode: "", note: "", actor: "a" };
  return { ...ANN, restrictions: [{ ...own, ...times, ...more }] };
}

function create(more: Partial<CreateSession> = {}): CreateSession {
  return {
    type: "CreateSession",
    sessionId: "s",
    tokenHash: "h",
    userId: "ann",
    expiry: { kind: "default" },
    idleTimeoutMs: null,
    userAgent: "",
    ip: "",
    attributes: {},
    context: CONTEXT,
    ...more,
  };
}

function opened(more: Partial<CreateSession> = {}): Session {
  const decision = decideCreateSession(ANN, create(more), AT);
  assert.ok(decision.ok);
  return decision.session;
}

describe("a session", () => {
  test("holds in [creation, expiry), 30 days unless the caller says otherwise", () => {
    const session = opened();
    assert.deepEqual([session.epoch, session.expireTime], [3, NOW + DEFAULT_SESSION_MS]);
    assert.equal(sessionStatusOf(session, ANN, at(session.expireTime - 1)), "ACTIVE");
    assert.equal(sessionStatusOf(session, ANN, at(session.expireTime)), "EXPIRED");
  });

  test("rests for its idle time-out and not a millisecond longer", () => {
    const session = opened({ idleTimeoutMs: 60_000 });
    assert.equal(sessionStatusOf(session, ANN, at(NOW + 59_999)), "ACTIVE");
    assert.equal(sessionStatusOf(session, ANN, at(NOW + 60_000)), "IDLE");
    assert.equal(sessionStatusOf({ ...session, lastActivityTime: NOW + 1 }, ANN, at(NOW + 60_000)), "ACTIVE");
  });

  test("P9 P11 ends with the state of its user, and for good with the epoch", () => {
    const session = opened();
    const rows: readonly [UserState, string][] = [
      [ANN, "ACTIVE"],
      [restricted("LOCK"), "ACTIVE"],
      [restricted("BAN"), "USER_BANNED"],
      [restricted("BAN", { started: false }), "ACTIVE"],
      [restricted("DEACTIVATION"), "USER_INACTIVE"],
      [{ ...ANN, deleted: true }, "USER_DELETED"],
      [{ ...ANN, epoch: 4 }, "ENDED"],
      [{ ...ANN, epoch: 2 }, "ENDED"],
    ];
    for (const [user, status] of rows) assert.equal(sessionStatusOf(session, user, AT), status);
    assert.equal(sessionStatusOf({ ...session, revokeTime: NOW }, restricted("BAN"), AT), "REVOKED");
  });

  test("ends with the generation, whatever the epoch: a restore may have brought back any", () => {
    const session = opened();
    assert.equal(session.generation, GENERATION);
    for (const generation of [GENERATION - 1, GENERATION + 1]) {
      assert.equal(sessionStatusOf(session, ANN, { now: NOW, generation }), "ENDED");
    }
  });

  test("P10 is not opened for who may not act", () => {
    for (const kind of ["LOCK", "BAN", "DEACTIVATION"] as const) {
      const decision = decideCreateSession(restricted(kind), create(), AT);
      assert.equal(!decision.ok && decision.refusal.reason, "USER_MAY_NOT_ACT");
    }
  });

  test("P12 is opened and extended for 1 ms to 3,650 days", () => {
    const rows: readonly [CreateSession["expiry"], boolean][] = [
      [{ kind: "for", durationMs: 1 }, true],
      [{ kind: "for", durationMs: 0 }, false],
      [{ kind: "for", durationMs: -1 }, false],
      [{ kind: "for", durationMs: Number.NaN }, false],
      [{ kind: "for", durationMs: SESSION_MS_MAX }, true],
      [{ kind: "for", durationMs: SESSION_MS_MAX + 1 }, false],
      [{ kind: "at", time: NOW }, false],
      [{ kind: "at", time: NOW + 1 }, true],
      [{ kind: "at", time: NOW + SESSION_MS_MAX + 1 }, false],
      [{ kind: "never" }, false],
    ];
    for (const [expiry, isFine] of rows) {
      const extend = { type: "UpdateSession", sessionId: "s", expiry, context: CONTEXT } as const;
      for (const decision of [
        decideCreateSession(ANN, create({ expiry }), AT),
        decideSession(opened(), ANN, extend, AT),
      ]) {
        assert.equal(decision.ok, isFine, JSON.stringify(expiry));
        if (!decision.ok) assert.equal(decision.refusal.reason, "FIELD_INVALID");
      }
    }
  });

  test("is ended once; what has ended is neither ended nor extended", () => {
    const revoke = { type: "RevokeSession", sessionId: "s", ifAlready: "refuse", context: CONTEXT } as const;
    const decision = decideSession(opened(), ANN, revoke, AT);
    assert.ok(decision.ok);
    assert.deepEqual([decision.session.revokeTime, decision.session.sequence], [NOW, 2]);
    assert.deepEqual([decision.event?.type, decision.event?.data], ["SessionRevoked", { sessionId: "s" }]);
    const again = decideSession(decision.session, ANN, revoke, AT);
    assert.equal(!again.ok && again.refusal.reason, "SESSION_ENDED");
    const gentle = decideSession(decision.session, ANN, { ...revoke, ifAlready: "succeed" }, AT);
    assert.ok(gentle.ok && gentle.session === decision.session && gentle.event === undefined);
    const late = decideSession(
      opened(),
      { ...ANN, epoch: 4 },
      { type: "UpdateSession", sessionId: "s", context: CONTEXT },
      AT,
    );
    assert.equal(!late.ok && late.refusal.metadata.status, "ENDED");
  });

  test("is changed only at the sequence that is expected, where one is", () => {
    const update = { type: "UpdateSession", sessionId: "s", tokenHash: "new", context: CONTEXT } as const;
    const first = decideSession(opened(), ANN, { ...update, expectedSequence: 1 }, AT);
    assert.ok(first.ok);
    assert.deepEqual([first.session.sequence, first.tokenHash], [2, "new"]);
    for (const expectedSequence of [0, 1, 3]) {
      const decision = decideSession(first.session, ANN, { ...update, expectedSequence }, AT);
      assert.ok(!decision.ok);
      const { reason, metadata } = decision.refusal;
      assert.equal(reason, "SEQUENCE_MISMATCH");
      assert.deepEqual(metadata, { sessionId: "s", expectedSequence: `${expectedSequence}`, sequence: "2" });
    }
    assert.ok(decideSession(first.session, ANN, update, AT).ok, "none is expected");
    const ended = decideSession({ ...first.session, revokeTime: NOW }, ANN, { ...update, expectedSequence: 1 }, AT);
    assert.equal(!ended.ok && ended.refusal.reason, "SESSION_ENDED", "it says more, and reading again is of no use");
  });
});
