/** A service with the user ann and a clock that stands still, and her sessions. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type CreateSessionRequestSchema,
  SessionStatus,
  SessionStatusSchema,
} from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { type Running, startService, TestClock } from "../../support/service.ts";

export interface Started extends Running {
  readonly clock: TestClock;
}

export async function startWithAnn(t: TestContext): Promise<Started> {
  const clock = new TestClock();
  const running = await startService(t, { clock: () => clock.now });
  await running.users.createUser({ userId: "ann" });
  return { ...running, clock };
}

export async function openSession(
  { sessions }: Running,
  more: MessageInitShape<typeof CreateSessionRequestSchema> = {},
): Promise<{ readonly id: string; readonly token: string }> {
  const { session, token } = await sessions.createSession({ userId: "ann", ...more });
  return { id: session?.sessionId ?? "", token };
}

export async function statusOf({ sessions }: Running, token: string, passive = false): Promise<string> {
  const { active, status } = await sessions.verifySession({ key: { case: "token", value: token }, passive });
  assert.equal(active, status === SessionStatus.ACTIVE);
  return nameOf(status);
}

export function nameOf(status: SessionStatus): string {
  return SessionStatusSchema.value[status]?.localName ?? `${status}`;
}
