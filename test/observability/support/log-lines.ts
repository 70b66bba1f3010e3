/** A process that writes numbered log lines faster than anybody reads them. */
import { writeStandardError } from "../../../src/observability/standard-error.ts";

const [count = "0"] = process.argv.slice(2);
// The stream exists from the start of a service; it may leave the pipe non-blocking.
process.stderr.on("error", () => undefined);
for (let index = 0; index < Number(count); index++) writeStandardError(`${index} ${"x".repeat(1_000)}\n`);
process.stdout.write("done\n");
