/** The entry: hands the command line to what it names. */
import { ConfigError, helpText, readConfig } from "./config.ts";
import { startFailure } from "./server/describe.ts";
import { run } from "./server/run.ts";

async function main(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args;
  if (command === "--help" || rest.includes("--help")) {
    process.stdout.write(helpText());
    return;
  }
  if (command !== "serve")
    throw new ConfigError(`${JSON.stringify(command ?? "")} is not a command; try: lockkeeper serve --help`);
  await run(readConfig(rest, process.env));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(startFailure(error));
  process.exit(error instanceof ConfigError ? 2 : 1);
});
