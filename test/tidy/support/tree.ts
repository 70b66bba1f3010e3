/** The repository's files as the tidy tests read them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export interface SourceFile {
  /** From the root, with slashes: `src/domain/decide.ts`. */
  readonly path: string;
  readonly text: string;
}

/** Something that is not as the house wants it. */
export type Fault = string;

/** Every file below these folders whose name ends so; a folder that is not there has none. */
export function filesBelow(folders: readonly string[], ending = ""): readonly SourceFile[] {
  return (
    folders
      .filter((folder) => existsSync(join(ROOT, folder)))
      .flatMap((folder) =>
        readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
          .map((entry) => join(entry.parentPath, entry.name)),
      )
      // bench installs packages of its own.
      .filter((path) => !path.includes("/node_modules/"))
      .sort()
      .map((path) => ({
        path: relative(ROOT, path).replaceAll("\\", "/"),
        text: readFileSync(path, "utf8"),
      }))
  );
}

/** The folders of a tree, from the root, with slashes. */
export function foldersBelow(folder: string): readonly string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
}

/** A file of the root; `undefined`: it is not there. */
export function readRootFile(name: string): string | undefined {
  return existsSync(join(ROOT, name)) ? readFileSync(join(ROOT, name), "utf8") : undefined;
}

/** What a rule finds in all of these files, each fault with its place. */
export function faultsIn(files: readonly SourceFile[], rule: (file: SourceFile) => readonly Fault[]): readonly Fault[] {
  return files.flatMap((file) => rule(file).map((fault) => `${file.path}: ${fault}`));
}
