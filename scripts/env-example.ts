/** Writes deploy/lockkeeper.env.example: every setting of `lockkeeper serve` as a variable, with its default, commented out. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SETTINGS } from "../src/config.ts";

interface Line {
  readonly environment: string;
  readonly fallback: string;
  readonly meaning: string;
}

const COLUMNS = 120;

/** A comment, broken between words. */
function commentOf(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && `# ${last} ${word}`.length > COLUMNS) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.map((line) => `# ${line}`).join("\n");
}

const head = commentOf(
  "The settings of `lockkeeper serve` as environment variables, for EnvironmentFile= of systemd and --env-file of containers. Each line shows the default; remove the # to set another. A flag on the command line wins.",
);
const blocks = Object.values<Line>(SETTINGS).map(
  ({ environment, fallback, meaning }) => `${commentOf(meaning)}\n#${environment}=${fallback}`,
);
writeFileSync(join(import.meta.dirname, "../deploy/lockkeeper.env.example"), `${[head, ...blocks].join("\n\n")}\n`);
