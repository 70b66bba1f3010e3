/** The version of this program. */
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";

/** Returns the version in the package's manifest, wherever this file was built to. */
export function readVersion(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined) throw new Error("there is no package.json above the program");
  return (JSON.parse(readFileSync(path, "utf8")) as { readonly version: string }).version;
}
