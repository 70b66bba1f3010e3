/** What a file imports, as the tidy tests read it. */
import { posix } from "node:path";
import type { SourceFile } from "./tree.ts";

export interface Import {
  readonly target: string;
  /** The file of this repository that the target names; `undefined`: a package. */
  readonly path: string | undefined;
  readonly isType: boolean;
  /** The names between the braces, as the imported file exports them; `*` where it lends all of them. */
  readonly names: readonly string[];
}

const FORMS = [
  /^(?:import|export)\s+(?<type>type\s)?(?<names>[^;"']*?)\bfrom\s+"(?<target>[^"]+)"/gm,
  /^import\s+"(?<target>[^"]+)"/gm,
  /\bimport\(\s*"(?<target>[^"]+)"/g,
  /\brequire\(\s*"(?<target>[^"]+)"/g,
  /\bnew URL\(\s*"(?<target>[^"]+\.[cm]?[jt]s)"/g,
];

function namesIn(clause: string): readonly string[] {
  const braced = /\{([\s\S]*)\}/.exec(clause)?.[1];
  if (braced === undefined) return ["*"];
  return braced
    .split(",")
    .map((name) =>
      name
        .trim()
        .replace(/^type /, "")
        .replace(/ as .*$/, ""),
    )
    .filter((name) => name !== "");
}

/** Returns every import of a file, types, re-exports, dynamic imports and workers included. */
export function importsOf({ path: own, text }: SourceFile): readonly Import[] {
  return FORMS.flatMap((form) =>
    [...text.matchAll(form)].map(({ groups }) => {
      const target = groups?.target ?? "";
      return {
        target,
        path: target.startsWith(".") ? posix.normalize(posix.join(posix.dirname(own), target)) : undefined,
        isType: groups?.type !== undefined,
        names: namesIn(groups?.names ?? ""),
      };
    }),
  );
}
