/** Runs a service as a process: what it prints, and how it handles signals. */
import { randomUUIDv7 } from "node:crypto";
import { flushCompileCache } from "node:module";
import type { Config } from "../config.ts";
import { unknownVariables } from "../environment.ts";
import { createLog, type Log } from "../observability/log.ts";
import { openTraces } from "../observability/open-traces.ts";
import { writeStandardError, writeWholeLines } from "../observability/standard-error.ts";
import type { Traces } from "../observability/traces.ts";
import { monotonicTime } from "../store/upkeep/steady-clock.ts";
import { readVersion } from "../version.ts";
import { describe, describeForeseen } from "./describe.ts";
import { type Service, serve } from "./serve.ts";
import { newDatabaseLines, openSettings, shownPasswords, startFacts } from "./start-report.ts";

/** Returns where to look, and three lines to paste: create a user, lock it, unlock it. */
function firstMinute({ url, hasConsole }: { readonly url: string; readonly hasConsole: boolean }, key: string): string {
  const authorization = `-H 'Authorization: Bearer ${key}'`;
  return [
    ...(hasConsole ? [`open ${url}/console`] : []),
    "try it:",
    `  curl ${authorization} -H 'Content-Type: application/json' -d '{"userId":"alice"}' ${url}/v1/users`,
    `  curl ${authorization} -X POST ${url}/v1/users/alice:lock`,
    `  npx @bufbuild/buf curl --http2-prior-knowledge --protocol grpc ${authorization} -d '{"userId":"alice"}' ${url}/lockkeeper.user.v1.UserService/UnlockUser`,
    "",
  ].join("\n");
}

/** Serves until a signal ends the process. Resolves when the service listens. */
export async function run(config: Config): Promise<void> {
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    clock: Date.now,
    sink: config.threads > 1 ? writeWholeLines : writeStandardError,
  });
  for (const stream of [process.stdout, process.stderr]) {
    // If the reader of the log is gone, lines are lost and the service goes on.
    stream.on("error", () => undefined);
  }
  let madeAdminKey: string | undefined;
  const adminKeyMade = (secret: string): void => {
    madeAdminKey = secret;
  };
  const warnings = [...unknownVariables(process.env), ...shownPasswords(process.argv), ...openSettings(config)];
  for (const sentence of warnings) log.write("warn", sentence);
  const renewBySignal = handleHangUp(log);
  const traces = await openTraces({
    version: readVersion(),
    log,
    warn: (warning) => log.write("warn", "traces", { cause: warning }),
  });
  const service = await serve(config, {
    clock: Date.now,
    monotonic: monotonicTime,
    newId: randomUUIDv7,
    log,
    traces,
    adminKeyMade,
    giveUp: (why) => {
      log.write("error", "the service ends", { cause: why });
      log.flush();
      process.exit(1);
    },
  });
  // Before the start is announced: a signal that follows at once must find its handler.
  renewBySignal(service);
  handleStopSignals(service, traces, log);
  log.write("info", "started", startFacts(config, service));
  if (service.isNew) process.stdout.write(newDatabaseLines(config.database, service.database));
  if (madeAdminKey !== undefined) process.stdout.write(`admin key, shown this once: ${madeAdminKey}\n`);
  process.stdout.write(`listening on ${service.url}\n`);
  if (service.metricsUrl !== undefined) process.stdout.write(`metrics on ${service.metricsUrl}\n`);
  if (madeAdminKey !== undefined) {
    process.stdout.write(firstMinute({ url: service.url, hasConsole: config.console }, madeAdminKey));
  }
  service.loaded.then(keepCompiledCode, keepCompiledCode);
}

/**
 * Writes what this start compiled into the cache of the launcher, if it set one. Node writes it only at an exit of its own,
 * so a process that is killed would leave none. Most starts compile nothing new and write nothing.
 */
function keepCompiledCode(): void {
  // What was requested just now goes first.
  setImmediate(flushCompileCache);
}

/**
 * Handles SIGHUP from the beginning, because it ends a process without a handler. Returns a function to call with the
 * service as soon as it runs; an earlier signal takes effect then.
 */
function handleHangUp(log: Log): (service: Service) => void {
  let running: Service | undefined;
  let wanted = false;
  const renew = (service: Service): void => {
    try {
      const isRenewed = service.renewTls();
      log.write(
        "info",
        isRenewed ? "certificate reloaded" : "SIGHUP: the port serves cleartext, so there is nothing to reload",
      );
    } catch (error) {
      // The files are the administrator's: a sentence says what to correct, and a stack would only hide it.
      log.write("error", "the certificate cannot be used; the previous one stays in use", {
        cause: describeForeseen(error),
      });
    }
  };
  process.on("SIGHUP", () => {
    if (running === undefined) wanted = true;
    else renew(running);
  });
  return (service) => {
    running = service;
    if (wanted) renew(service);
  };
}

function handleStopSignals(service: Service, traces: Traces | undefined, log: Log): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      // A second signal comes from someone who does not want to wait.
      if (stopping) process.exit(1);
      stopping = true;
      log.write("info", "stopping", { signal });
      const beginTime = performance.now();
      const stopped = service.stop().finally(() => traces?.close());
      stopped.then(
        () => {
          log.write("info", "stopped", { ms: Math.round(performance.now() - beginTime) });
          log.flush();
          process.exit(0);
        },
        (error: unknown) => {
          log.write("error", "stopping failed", { cause: describe(error) });
          process.exit(1);
        },
      );
    });
  }
}
