/** Finds the file that defines a name, for server reflection, in a set of files and their dependencies. */
import {
  type AnyDesc,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** Files by name, symbol and extension. */
export class DescriptorIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  /** By extended message, then by field number. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();
  readonly #messages = new Set<string>();
  readonly #bytes = new Map<DescFile, Uint8Array>();

  /** Adds the files of the descriptors, with all dependencies. */
  add(descriptors: Iterable<AnyDesc>): void {
    for (const descriptor of descriptors) this.#addFile(descriptor.kind === "file" ? descriptor : fileOf(descriptor));
  }

  fileByName(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /**
   * Finds the file of a symbol: the full name, without leading dot, of a service, method, message, field, oneof, enum,
   * value or extension.
   */
  fileBySymbol(symbol: string): DescFile | undefined {
    return this.#symbols.get(symbol);
  }

  fileByExtension(extendee: string, number: number): DescFile | undefined {
    return this.#extensions.get(extendee)?.get(number);
  }

  /** Returns the field numbers of a message's extensions; undefined if the message is unknown. */
  extensionNumbers(extendee: string): number[] | undefined {
    if (!this.#messages.has(extendee)) return undefined;
    return [...(this.#extensions.get(extendee)?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** Returns the serialized `FileDescriptorProto`. */
  bytesOf(file: DescFile): Uint8Array {
    let bytes = this.#bytes.get(file);
    if (bytes === undefined) {
      bytes = toBinary(FileDescriptorProtoSchema, file.proto);
      this.#bytes.set(file, bytes);
    }
    return bytes;
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const dependency of file.dependencies) this.#addFile(dependency);
    for (const service of file.services) this.#addService(service, file);
    for (const message of file.messages) this.#addMessage(message, file);
    for (const descEnum of file.enums) this.#addEnum(descEnum, file);
    for (const extension of file.extensions) this.#addExtension(extension, file);
  }

  #addService(service: DescService, file: DescFile): void {
    this.#symbols.set(service.typeName, file);
    for (const method of service.methods) this.#symbols.set(`${service.typeName}.${method.name}`, file);
  }

  #addMessage(message: DescMessage, file: DescFile): void {
    this.#symbols.set(message.typeName, file);
    this.#messages.add(message.typeName);
    for (const member of [...message.fields, ...message.oneofs]) {
      this.#symbols.set(`${message.typeName}.${member.name}`, file);
    }
    for (const nested of message.nestedMessages) this.#addMessage(nested, file);
    for (const nested of message.nestedEnums) this.#addEnum(nested, file);
    for (const nested of message.nestedExtensions) this.#addExtension(nested, file);
  }

  /** The full names of enum values are siblings of the enum's name, not below it. */
  #addEnum(descEnum: DescEnum, file: DescFile): void {
    this.#symbols.set(descEnum.typeName, file);
    const scope = descEnum.typeName.slice(0, descEnum.typeName.lastIndexOf(".") + 1);
    for (const value of descEnum.values) this.#symbols.set(scope + value.name, file);
  }

  #addExtension(extension: DescExtension, file: DescFile): void {
    this.#symbols.set(extension.typeName, file);
    const numbers = this.#extensions.get(extension.extendee.typeName) ?? new Map<number, DescFile>();
    numbers.set(extension.number, file);
    this.#extensions.set(extension.extendee.typeName, numbers);
  }
}

function fileOf(descriptor: Exclude<AnyDesc, DescFile>): DescFile {
  switch (descriptor.kind) {
    case "field":
    case "oneof":
    case "rpc":
    case "enum_value":
      return descriptor.parent.file;
    default:
      return descriptor.file;
  }
}
