/** Every element of the contract says what it is. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fromBinary, getExtension } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  FieldDescriptorProto_Type,
  type FieldOptions,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { field as fieldRules } from "../../gen/buf/validate/validate_pb.ts";
import { ROOT } from "./support/tree.ts";

interface Element {
  readonly name: string;
  /** As descriptor.proto numbers it. */
  readonly path: readonly number[];
}

const FILE = { messages: 4, enums: 5, services: 6 } as const;
const MESSAGE = { fields: 2, messages: 3, enums: 4, oneofs: 8 } as const;
const ENUM_VALUES = 2;
const SERVICE_METHODS = 2;

function filesOfOurs(): readonly FileDescriptorProto[] {
  const args = ["build", "-o", "-#format=binpb", "--as-file-descriptor-set"];
  const bytes = execFileSync(join(ROOT, "node_modules/.bin/buf"), args, { cwd: ROOT, maxBuffer: 1e8 });
  return fromBinary(FileDescriptorSetSchema, bytes).file.filter(({ name }) => name.startsWith("lockkeeper/"));
}

function elementsOf(file: FileDescriptorProto): readonly Element[] {
  return [
    ...file.messageType.flatMap((each, i) => messageElements(each, "", [FILE.messages, i])),
    ...file.enumType.flatMap((each, i) => enumElements(each, "", [FILE.enums, i])),
    ...file.service.flatMap(({ name, method }, i) => {
      const path = [FILE.services, i];
      const rpcs = method.map((each, j) => ({ name: `${name}.${each.name}`, path: [...path, SERVICE_METHODS, j] }));
      return [{ name, path }, ...rpcs];
    }),
  ];
}

function messageElements(message: DescriptorProto, outer: string, path: readonly number[]): readonly Element[] {
  if (message.options?.mapEntry) return [];
  const name = `${outer}${message.name}`;
  const inner = `${name}.`;
  const synthetic = new Set(message.field.filter((field) => field.proto3Optional).map((field) => field.oneofIndex));
  return [
    { name, path },
    ...message.field.map((each, i) => ({ name: inner + each.name, path: [...path, MESSAGE.fields, i] })),
    ...message.oneofDecl.flatMap((each, i) =>
      synthetic.has(i) ? [] : [{ name: inner + each.name, path: [...path, MESSAGE.oneofs, i] }],
    ),
    ...message.nestedType.flatMap((each, i) => messageElements(each, inner, [...path, MESSAGE.messages, i])),
    ...message.enumType.flatMap((each, i) => enumElements(each, inner, [...path, MESSAGE.enums, i])),
  ];
}

function enumElements(each: EnumDescriptorProto, outer: string, path: readonly number[]): readonly Element[] {
  const name = `${outer}${each.name}`;
  const values = each.value.map((value, i) => ({ name: `${name}.${value.name}`, path: [...path, ENUM_VALUES, i] }));
  return [{ name, path }, ...values];
}

/** The comment in front of each element that has one, by its path. */
function commentsOf(file: FileDescriptorProto): ReadonlyMap<string, string> {
  const locations = file.sourceCodeInfo?.location ?? [];
  return new Map(locations.map(({ path, leadingComments }) => [path.join(), leadingComments.trim()]));
}

/** All messages of ours by full name, with the leading dot that references have. */
function messagesOf(files: readonly FileDescriptorProto[]): ReadonlyMap<string, DescriptorProto> {
  const found = new Map<string, DescriptorProto>();
  const add = (message: DescriptorProto, scope: string): void => {
    found.set(`${scope}.${message.name}`, message);
    for (const nested of message.nestedType) add(nested, `${scope}.${message.name}`);
  };
  for (const file of files) for (const message of file.messageType) add(message, `.${file.package}`);
  return found;
}

/** The messages that requests, or answers, are made of. */
function reachable(
  files: readonly FileDescriptorProto[],
  messages: ReadonlyMap<string, DescriptorProto>,
  end: "inputType" | "outputType",
): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    for (const { typeName } of messages.get(name)?.field ?? []) visit(typeName);
  };
  for (const { service } of files) for (const { method } of service) for (const each of method) visit(each[end]);
  return found;
}

function isRequired(options: FieldOptions | undefined): boolean {
  return options !== undefined && getExtension(options, fieldRules).required;
}

describe("the contract", () => {
  const files = filesOfOurs();

  test("is read with its comments", () => {
    assert.ok(files.length >= 7, `${files.length} files`);
    assert.ok(files.flatMap(elementsOf).length > 200);
  });

  for (const file of files) {
    test(`every element of ${file.name} has a comment that ends like a sentence`, () => {
      const comments = commentsOf(file);
      const faults = elementsOf(file)
        .filter(({ path }) => !/\S{2}[\s\S]*[.)`]$/.test(comments.get(path.join()) ?? ""))
        .map(({ name }) => name);
      assert.deepEqual(faults, []);
    });
  }

  test("every bool of an answer has presence and is required, so that JSON writes false too", () => {
    const messages = messagesOf(files);
    const asked = reachable(files, messages, "inputType");
    const faults = [...reachable(files, messages, "outputType")].flatMap((name) =>
      (messages.get(name)?.field ?? [])
        .filter(({ type }) => type === FieldDescriptorProto_Type.BOOL)
        // What is inherited when it is absent, and what a request may leave out.
        .filter(({ proto3Optional, options }) => !proto3Optional || !(asked.has(name) || isRequired(options)))
        .map((field) => `${name}.${field.name}`),
    );
    assert.deepEqual(faults, []);
  });

  test("every RPC has messages of its own, named like it", () => {
    const faults = files.flatMap(({ service, package: pkg }) =>
      service.flatMap(({ method }) =>
        method
          .filter((m) => m.inputType !== `.${pkg}.${m.name}Request` || m.outputType !== `.${pkg}.${m.name}Response`)
          .map(({ name }) => name),
      ),
    );
    assert.deepEqual(faults, []);
  });
});
