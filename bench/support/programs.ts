/** Programs that a benchmark uses if they are installed. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Returns the path of a program on PATH; `undefined` if it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
