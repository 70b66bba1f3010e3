/** What a refusal says, whichever client met it. */
import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

export interface Refused {
  /** The RPC code by its name in Connect-ES, for example `FailedPrecondition`. */
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
}

/** Waits for a call that must be refused. */
export async function refusalOf(call: Promise<unknown>): Promise<Refused> {
  const error = await call.then(
    () => assert.fail("the call was accepted"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConnectError, String(error));
  const info = error.findDetails(ErrorInfoSchema)[0];
  const bad = error.findDetails(BadRequestSchema)[0];
  if (info !== undefined) assert.equal(info.domain, "lockkeeper");
  return {
    code: Code[error.code],
    reason: info?.reason ?? "",
    message: error.rawMessage,
    metadata: info?.metadata ?? {},
    fields: bad?.fieldViolations.map((violation) => violation.field) ?? [],
  };
}

/** The call is refused with this code and reason. */
export async function assertRefused(call: Promise<unknown>, code: string, reason: string): Promise<Refused> {
  const refused = await refusalOf(call);
  assert.deepEqual([refused.code, refused.reason], [code, reason], refused.message);
  return refused;
}
