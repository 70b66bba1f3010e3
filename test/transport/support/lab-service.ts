/** The descriptors of lab.proto, compiled by buf when a test asks for them. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const root = join(import.meta.dirname, "../../..");
const api = join(root, "node_modules/google-gax/build/protos/google/api");

export const labRegistry = createFileRegistry(fromBinary(FileDescriptorSetSchema, compile()));

export const LabService: DescService = found(labRegistry.getService("lab.v1.LabService"));
export const EchoRequestSchema: DescMessage = found(labRegistry.getMessage("lab.v1.EchoRequest"));
export const EchoResponseSchema: DescMessage = found(labRegistry.getMessage("lab.v1.EchoResponse"));
export const CountRequestSchema: DescMessage = found(labRegistry.getMessage("lab.v1.CountRequest"));
export const CountResponseSchema: DescMessage = found(labRegistry.getMessage("lab.v1.CountResponse"));
export const HttpBodySchema: DescMessage = found(labRegistry.getMessage("google.api.HttpBody"));

export function labMethod(name: string): DescMethod {
  return found(LabService.method[name]);
}

/** A folder that holds only the protos: the repository's own buf.yaml must not know of test services. */
function compile(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "lab-"));
  try {
    cpSync(join(import.meta.dirname, "lab.proto"), join(folder, "lab.proto"));
    for (const name of ["annotations.proto", "http.proto", "httpbody.proto"]) {
      cpSync(join(api, name), join(folder, "google/api", name));
    }
    const output = join(folder, "lab.binpb");
    execFileSync(join(root, "node_modules/.bin/buf"), ["build", folder, "-o", output], { stdio: "inherit" });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error("lab.proto does not define what the tests ask for");
  }
  return value;
}
