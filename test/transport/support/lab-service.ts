/** The descriptors of lab.proto, compiled by buf when a test needs them. */
import { join } from "node:path";
import type { DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { compileProtos, found, ROOT } from "./compile-protos.ts";

const GOOGLE_API = join(ROOT, "node_modules/google-gax/build/protos/google/api");

export const labRegistry = compileProtos({
  "lab.proto": join(import.meta.dirname, "lab.proto"),
  ...Object.fromEntries(
    ["annotations.proto", "http.proto", "httpbody.proto"].map((name) => [`google/api/${name}`, join(GOOGLE_API, name)]),
  ),
});

export const LabService: DescService = found(labRegistry.getService("lab.v1.LabService"));
export const EchoRequestSchema: DescMessage = found(labRegistry.getMessage("lab.v1.EchoRequest"));
export const EchoResponseSchema: DescMessage = found(labRegistry.getMessage("lab.v1.EchoResponse"));
export const CountRequestSchema: DescMessage = found(labRegistry.getMessage("lab.v1.CountRequest"));
export const CountResponseSchema: DescMessage = found(labRegistry.getMessage("lab.v1.CountResponse"));
export const HttpBodySchema: DescMessage = found(labRegistry.getMessage("google.api.HttpBody"));

export function labMethod(name: string): DescMethod {
  return found(LabService.method[name]);
}
