/** OK means on disk: system calls are traced, and no OK leaves before the log is flushed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ADMIN_KEY, ended, spawnService, temporaryFolder } from "../support/service.ts";

const USERS = 40;

test("no OK byte leaves before a flush (fdatasync or fsync) that follows the last write to the log", async (t) => {
  if (cannotTrace(t)) return;
  const faults = faultsOf(await traceOf(t, undefined));
  assert.deepEqual(faults, []);
});

test("the trace turns red with synchronous=NORMAL and with an answer before COMMIT", async (t) => {
  if (cannotTrace(t)) return;
  for (const wrong of ["synchronous-normal", "answer-before-commit"]) {
    const faults = faultsOf(await traceOf(t, wrong));
    assert.ok(faults.length >= USERS / 2, `${wrong}: only ${faults.length} faults were noticed`);
  }
});

function cannotTrace(t: TestContext): boolean {
  const { status } = spawnSync("strace", ["-f", "-o", "/dev/null", "true"]);
  if (status === 0) return false;
  t.skip("strace is missing or may not trace here: durability was NOT checked (Debian: apt-get install strace)");
  return true;
}

/** The traced calls of a service while users are created one after the other. */
async function traceOf(t: TestContext, wrong: string | undefined): Promise<readonly string[]> {
  const folder = await temporaryFolder(t);
  const output = join(folder, "trace");
  const child = await spawnService(t, {
    path: join(folder, "lockkeeper.db"),
    command: [
      "strace",
      // The tracer stands behind the service, which so gets the signals that are meant for it.
      "-D",
      "-f",
      "-yy",
      "-s",
      "32",
      "-e",
      "trace=read,write,writev,sendto,sendmsg,pwrite64,fdatasync,fsync",
      "-o",
      output,
    ],
    ...(wrong === undefined
      ? {}
      : {
          nodeArguments: ["--import", join(import.meta.dirname, "../support/wrong-writer.ts")],
          environment: { LOCKKEEPER_TEST_WRONG: wrong },
        }),
  });
  const agent = new Agent({ keepAlive: true });
  for (let i = 0; i < USERS; i++) {
    const { status, text } = await postUser(agent, child.url, `u${i}`);
    assert.equal(status, 200, text);
  }
  agent.destroy();
  child.process.kill("SIGTERM");
  await ended(child);
  return (await readFile(output, "utf8")).split("\n");
}

function postUser(
  agent: Agent,
  url: string,
  userId: string,
): Promise<{ readonly status?: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
    request(`${url}/v1/users`, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on("error", reject)
      .end(JSON.stringify({ userId }));
  });
}

/** Each OK that left while the log had nothing new since its request came, or something that was not flushed. */
function faultsOf(trace: readonly string[]): readonly string[] {
  const faults: string[] = [];
  let answers = 0;
  let logWrites = 0;
  let unflushed = 0;
  for (const line of trace) {
    const call = /^\d+ +(?:<\.\.\. )?(\w+)[( ]/.exec(line)?.[1];
    if (call === "pwrite64" && line.includes(".db-wal>")) {
      logWrites += 1;
      unflushed += 1;
    } else if ((call === "fdatasync" || call === "fsync") && line.includes(".db-wal>") && line.endsWith("= 0")) {
      unflushed = 0;
    } else if (/TCP/.test(line) && line.includes('"HTTP/1.1 200 OK')) {
      answers += 1;
      if (logWrites === 0) faults.push(`answer ${answers}: nothing was written to the log for it`);
      else if (unflushed > 0) faults.push(`answer ${answers}: ${unflushed} writes to the log were not flushed`);
    } else if (/TCP/.test(line) && line.includes('"POST /v1/users')) {
      logWrites = 0;
    }
  }
  assert.equal(answers, USERS, `the trace shows ${answers} answers of ${USERS}`);
  return faults;
}
