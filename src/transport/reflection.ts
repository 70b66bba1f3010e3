/** Server reflection, v1 and v1alpha alike, so that clients such as grpcurl and `buf curl` need no schema. */
import { create, type DescFile, type DescService, type MessageInitShape, type Registry } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  ServerReflection as ReflectionV1,
  ServerReflectionResponseSchema as ResponseV1Schema,
  type ServerReflectionRequest,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import {
  ServerReflection as ReflectionV1Alpha,
  ServerReflectionResponseSchema as ResponseV1AlphaSchema,
} from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { DescriptorIndex } from "./descriptor-index.ts";
import { type Admit, type Mount, type MountOptions, mount } from "./mount.ts";

type Question = ServerReflectionRequest["messageRequest"];
type Answer = NonNullable<MessageInitShape<typeof ResponseV1Schema>["messageResponse"]>;

/**
 * Tells of these services (and of reflection itself), of the files they come from, of all that these depend on and of
 * what the registry knows.
 */
export function reflectionMounts<A>(
  services: readonly DescService[],
  registry: Registry | undefined,
  admit: Admit<A>,
): Mount<A>[] {
  const listed = [...new Set([...services, ReflectionV1, ReflectionV1Alpha])];
  const index = new DescriptorIndex([...listed, ...(registry ?? [])]);
  const names = listed.map((service) => service.typeName).sort();
  const options: MountOptions<A> = { admit, unknownFields: "refuse" };
  const v1 = mount<typeof ReflectionV1, A>(
    ReflectionV1,
    {
      async *serverReflectionInfo(requests) {
        const sent = new Set<DescFile>();
        for await (const originalRequest of requests) {
          const messageResponse = reply(index, names, originalRequest.messageRequest, sent);
          yield create(ResponseV1Schema, { validHost: originalRequest.host, originalRequest, messageResponse });
        }
      },
    },
    options,
  );
  const v1alpha = mount<typeof ReflectionV1Alpha, A>(
    ReflectionV1Alpha,
    {
      async *serverReflectionInfo(requests) {
        const sent = new Set<DescFile>();
        for await (const originalRequest of requests) {
          // The two versions have the same messages under different names.
          const messageResponse = reply(index, names, originalRequest.messageRequest as Question, sent);
          yield create(ResponseV1AlphaSchema, {
            validHost: originalRequest.host,
            originalRequest,
            messageResponse: messageResponse as MessageInitShape<typeof ResponseV1AlphaSchema>["messageResponse"] & {},
          });
        }
      },
    },
    options,
  );
  return [v1, v1alpha];
}

function reply(index: DescriptorIndex, names: readonly string[], question: Question, sent: Set<DescFile>): Answer {
  switch (question.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: names.map((name) => ({ name })) } };
    case "fileByFilename":
      return files(index, index.fileByName(question.value), `file "${question.value}"`, sent);
    case "fileContainingSymbol":
      return files(index, index.fileBySymbol(question.value), `symbol "${question.value}"`, sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const what = `extension ${extensionNumber} of "${containingType}"`;
      return files(index, index.fileByExtension(containingType, extensionNumber), what, sent);
    }
    case "allExtensionNumbersOfType": {
      const extensionNumber = index.extensionNumbers(question.value);
      if (extensionNumber === undefined) {
        return refusal(Code.NotFound, `message "${question.value}" is not known here`);
      }
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: question.value, extensionNumber } };
    }
    default:
      return refusal(Code.InvalidArgument, "the request asks nothing that is known here");
  }
}

/** The file, and those it depends on as far as this stream has not had them yet. */
function files(index: DescriptorIndex, file: DescFile | undefined, what: string, sent: Set<DescFile>): Answer {
  if (file === undefined) {
    return refusal(Code.NotFound, `${what} is not known here`);
  }
  const wanted = new Set([file]);
  for (const next of wanted) {
    for (const dependency of next.dependencies) {
      wanted.add(dependency);
    }
  }
  const unsent = [...wanted].filter((each) => each === file || !sent.has(each));
  for (const each of unsent) {
    sent.add(each);
  }
  return {
    case: "fileDescriptorResponse",
    value: { fileDescriptorProto: unsent.map((each) => index.bytesOf(each)) },
  };
}

function refusal(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
