/** Deadlines from headers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, type ConnectError } from "@connectrpc/connect";
import { parseDeadlineMs } from "../../src/transcoding/deadline.ts";
import { violations } from "./support/shelf.ts";

const MAX_MS = 60_000;

function parse(header: Record<string, string>): number | undefined {
  const headers = new Headers(header);
  return parseDeadlineMs((name) => headers.get(name), MAX_MS);
}

const TAKEN: readonly [header: Record<string, string>, ms: number | undefined][] = [
  [{}, undefined],
  [{ "connect-timeout-ms": "1500" }, 1500],
  [{ "connect-timeout-ms": "0" }, 0],
  [{ "connect-timeout-ms": "9999999999" }, MAX_MS],
  [{ "grpc-timeout": "2S" }, 2000],
  [{ "grpc-timeout": "1M" }, 60_000],
  [{ "grpc-timeout": "99999999H" }, MAX_MS],
  [{ "grpc-timeout": "7m" }, 7],
  [{ "grpc-timeout": "1500u" }, 2],
  [{ "grpc-timeout": "1n" }, 1],
  [{ "grpc-timeout": "0n" }, 0],
  [{ "grpc-timeout": "1S", "connect-timeout-ms": "1500" }, 1000],
  [{ "grpc-timeout": "2S", "connect-timeout-ms": "1500" }, 1500],
];

for (const [header, ms] of TAKEN) {
  test(`reads ${JSON.stringify(header)} as ${ms} ms of at most ${MAX_MS}`, () => assert.equal(parse(header), ms));
}

const REFUSED: readonly [header: Record<string, string>, name: string][] = [
  [{ "connect-timeout-ms": "" }, "Connect-Timeout-Ms"],
  [{ "connect-timeout-ms": "12345678901" }, "Connect-Timeout-Ms"],
  [{ "connect-timeout-ms": "-1" }, "Connect-Timeout-Ms"],
  [{ "connect-timeout-ms": "1.5" }, "Connect-Timeout-Ms"],
  [{ "grpc-timeout": "5" }, "Grpc-Timeout"],
  [{ "grpc-timeout": "S" }, "Grpc-Timeout"],
  [{ "grpc-timeout": "5s" }, "Grpc-Timeout"],
  [{ "grpc-timeout": "123456789S" }, "Grpc-Timeout"],
  [{ "grpc-timeout": "x", "connect-timeout-ms": "1" }, "Grpc-Timeout"],
];

for (const [header, name] of REFUSED) {
  test(`refuses ${JSON.stringify(header)}`, () => {
    assert.throws(
      () => parse(header),
      (error: ConnectError) => {
        assert.equal(error.code, Code.InvalidArgument);
        assert.deepEqual(violations(error), [name]);
        return error.rawMessage.startsWith(`the header ${name} must be 1 to `);
      },
    );
  });
}
