/** Compiles protos of tests with buf in a separate folder: the repository's buf.yaml must not include them. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

export const ROOT: string = join(import.meta.dirname, "../../..");

/** Each file or folder by its path among the protos. */
export function compileProtos(sources: Readonly<Record<string, string>>): FileRegistry {
  const folder = mkdtempSync(join(tmpdir(), "protos-"));
  try {
    for (const [name, path] of Object.entries(sources)) cpSync(path, join(folder, name), { recursive: true });
    const output = join(folder, "set.binpb");
    execFileSync(join(ROOT, "node_modules/.bin/buf"), ["build", folder, "-o", output], { stdio: "inherit" });
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(output)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the protos do not define what the tests ask for");
  return value;
}
