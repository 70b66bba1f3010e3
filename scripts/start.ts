/** `npm start`: starts the service from a clone. The console is built first, where it is served and its sources changed. */
import { join } from "node:path";
import { buildIfStale } from "./build-console.ts";

const given = process.argv.slice(2);

/** As the service reads it: the flag wins over the environment. */
function isConsoleServed(): boolean {
  const place = given.findLastIndex((word) => word === "--console" || word.startsWith("--console="));
  const flag = given[place]?.includes("=") ? given[place].split("=")[1] : given[place + 1];
  return (place >= 0 ? flag : process.env.LOCKKEEPER_CONSOLE)?.toLowerCase() !== "false";
}

if (isConsoleServed()) await buildIfStale();
const command = join(import.meta.dirname, "../bin/lockkeeper.cjs");
// The command replaces this process, with these words.
process.argv.splice(1, process.argv.length, command, "serve", ...given);
await import(command);
