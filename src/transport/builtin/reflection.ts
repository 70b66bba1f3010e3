/** Server reflection, v1 and v1alpha, so that clients such as grpcurl and `buf curl` need no schema. */
import {
  create,
  type DescFile,
  type DescService,
  type MessageInitShape,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import {
  ServerReflection as ReflectionV1,
  ServerReflectionResponseSchema as ResponseV1Schema,
  type ServerReflectionRequest,
} from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import {
  ServerReflection as ReflectionV1Alpha,
  ServerReflectionResponseSchema as ResponseV1AlphaSchema,
} from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import type { ChargeStranger } from "../call/call-record.ts";
import { type Admit, type Mount, type MountOptions, mount } from "../mount.ts";
import { DescriptorIndex } from "./descriptor-index.ts";

/** The largest question. The answer repeats it, and an unknown name in it twice. */
const QUESTION_BYTES_MAX = 2 * 1024;

type Question = ServerReflectionRequest["messageRequest"];
type Answer = NonNullable<MessageInitShape<typeof ResponseV1Schema>["messageResponse"]>;

/** The content of reflection: every mounted service, also late ones, and the types of a registry. */
export class Reflection {
  readonly index: DescriptorIndex = new DescriptorIndex();
  readonly #names = new Set<string>();

  /** `registry`: messages that no service refers to, such as the details of errors. */
  constructor(registry?: Registry) {
    this.index.add(registry ?? []);
  }

  /** The full names of the services, sorted. */
  get names(): readonly string[] {
    return [...this.#names].sort();
  }

  /** Adds a service. The transport calls it for each service that it serves. */
  register(service: DescService): void {
    this.#names.add(service.typeName);
    this.index.add([service]);
  }
}

/** Returns the mounts of the two reflection services. `charge` is called before each answer is sent. */
export function reflectionMounts<A>(
  reflection: Reflection,
  admit: Admit<A>,
  charge: ChargeStranger = () => undefined,
): Mount<A>[] {
  const options: MountOptions<A> = {
    admit,
    unknownFields: "refuse",
    bodyBytesMax: { serverReflectionInfo: QUESTION_BYTES_MAX },
  };
  const v1 = mount<typeof ReflectionV1, A>(
    ReflectionV1,
    {
      async *serverReflectionInfo(requests, { remoteAddress }) {
        const sent = new Set<DescFile>();
        for await (const originalRequest of requests) {
          const messageResponse = reply(reflection, originalRequest.messageRequest, sent);
          const answer = create(ResponseV1Schema, {
            validHost: originalRequest.host,
            originalRequest,
            messageResponse,
          });
          refuseTooMuch(await charge(remoteAddress, toBinary(ResponseV1Schema, answer).byteLength));
          yield answer;
        }
      },
    },
    options,
  );
  const v1alpha = mount<typeof ReflectionV1Alpha, A>(
    ReflectionV1Alpha,
    {
      async *serverReflectionInfo(requests, { remoteAddress }) {
        const sent = new Set<DescFile>();
        for await (const originalRequest of requests) {
          // Both versions have the same messages under different names.
          const messageResponse = reply(reflection, originalRequest.messageRequest as Question, sent);
          const answer = create(ResponseV1AlphaSchema, {
            validHost: originalRequest.host,
            originalRequest,
            messageResponse: messageResponse as MessageInitShape<typeof ResponseV1AlphaSchema>["messageResponse"] & {},
          });
          refuseTooMuch(await charge(remoteAddress, toBinary(ResponseV1AlphaSchema, answer).byteLength));
          yield answer;
        }
      },
    },
    options,
  );
  return [v1, v1alpha];
}

function refuseTooMuch(error: ConnectError | undefined): void {
  if (error !== undefined) throw error;
}

function reply({ index, names }: Reflection, question: Question, sent: Set<DescFile>): Answer {
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
      if (extensionNumber === undefined) return refusal(Code.NotFound, `message "${question.value}" is not known here`);
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: question.value, extensionNumber } };
    }
    default:
      return refusal(Code.InvalidArgument, "the request asks no question that is known here");
  }
}

/** Returns the file and its dependencies, without those that this stream has already received. */
function files(index: DescriptorIndex, file: DescFile | undefined, what: string, sent: Set<DescFile>): Answer {
  if (file === undefined) return refusal(Code.NotFound, `${what} is not known here`);
  const wanted = new Set([file]);
  for (const next of wanted) {
    for (const dependency of next.dependencies) wanted.add(dependency);
  }
  const unsent = [...wanted].filter((each) => each === file || !sent.has(each));
  for (const each of unsent) sent.add(each);
  return {
    case: "fileDescriptorResponse",
    value: { fileDescriptorProto: unsent.map((each) => index.bytesOf(each)) },
  };
}

function refusal(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
