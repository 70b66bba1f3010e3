/** JSON Schemas of messages, enums and fields as the proto3 JSON mapping writes them. */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { oneof as oneofRules } from "../../gen/buf/validate/validate_pb.ts";
import { type Constraint, constrain, isRequired, rulesOf } from "./rules.ts";

/** The contract's comments on its elements, by full name. */
export type Comments = Readonly<Record<string, string>>;

const INT32: JsonObject = { type: "integer", format: "int32" };
const UINT32: JsonObject = { type: "integer", minimum: 0, maximum: 4_294_967_295 };
const INT64: JsonObject = { type: "string", format: "int64", pattern: "^-?[0-9]{1,19}$" };
const UINT64: JsonObject = { type: "string", format: "uint64", pattern: "^[0-9]{1,20}$" };

const SCALARS: Readonly<Record<ScalarType, JsonObject>> = {
  [ScalarType.DOUBLE]: { type: "number", format: "double" },
  [ScalarType.FLOAT]: { type: "number", format: "float" },
  [ScalarType.INT32]: INT32,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.UINT32]: UINT32,
  [ScalarType.FIXED32]: UINT32,
  [ScalarType.INT64]: INT64,
  [ScalarType.SINT64]: INT64,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.UINT64]: UINT64,
  [ScalarType.FIXED64]: UINT64,
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.BYTES]: { type: "string", contentEncoding: "base64" },
};

/** The messages whose JSON is not an object of their fields. A proto duration is not the ISO 8601 one of `format`. */
const WELL_KNOWN: Readonly<Record<string, JsonObject>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": {
    type: "string",
    pattern: "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$",
    description: "Seconds, such as `3600s` or `1.5s`.",
    examples: ["3600s"],
  },
  "google.protobuf.FieldMask": {
    type: "string",
    description: "Paths of fields in lowerCamelCase or snake_case, comma-separated; `*`: all.",
  },
  "google.protobuf.Struct": { type: "object", additionalProperties: true },
  "google.protobuf.Value": {},
  "google.protobuf.ListValue": { type: "array", items: {} },
  "google.protobuf.Empty": { type: "object" },
  "google.protobuf.Any": {
    type: "object",
    required: ["@type"],
    properties: {
      "@type": { type: "string", description: "`type.googleapis.com/` and the full name of the message." },
    },
    additionalProperties: true,
  },
};

/** Builds schemas and keeps those of messages and enums under their full names, for `components`. */
export class Schemas {
  readonly components: Record<string, JsonObject> = {};
  readonly #comments: Comments;

  constructor(comments: Comments) {
    this.#comments = comments;
  }

  /** Returns the comment of an element, with field names as JSON writes them. */
  commentOf(name: string): string {
    return withJsonNames(this.#comments[name] ?? "");
  }

  /** Returns a message by reference, or inline if its JSON is not an object of its fields. */
  message(desc: DescMessage): JsonObject {
    const known = WELL_KNOWN[desc.typeName];
    if (known !== undefined) return known;
    if (isWrapperDesc(desc)) return SCALARS[desc.fields[0]?.scalar ?? ScalarType.STRING];
    if (this.components[desc.typeName] === undefined) {
      // Stored before it is built: a message may contain itself.
      this.components[desc.typeName] = {};
      const comment = this.commentOf(desc.typeName);
      this.components[desc.typeName] = { ...described(comment), ...this.object(desc, desc.fields) };
    }
    return { $ref: `#/components/schemas/${desc.typeName}` };
  }

  /** Returns an object of some fields of a message; of each oneof at most one member, or exactly one. */
  object(desc: DescMessage, fields: readonly DescField[]): JsonObject {
    const required = fields.filter(isRequired).map(({ jsonName }) => jsonName);
    const choices = desc.oneofs.flatMap((oneof) => choiceOf(oneof, fields));
    const properties = Object.fromEntries(fields.map((field) => [field.jsonName, this.field(field)]));
    return {
      type: "object",
      properties,
      ...(required.length === 0 ? {} : { required }),
      ...(choices.length === 0 ? {} : { allOf: choices }),
    };
  }

  /** Returns a field with its rules and its comment. */
  field(field: DescField): JsonObject {
    const { keywords, words } = this.#constraintOf(field);
    const value = this.#value(field);
    const comment = this.commentOf(`${field.parent.typeName}.${field.name}`);
    const ownWords = typeof value.description === "string" ? [value.description] : [];
    const news = words.filter((word) => !comment.toLowerCase().includes(word.toLowerCase()));
    return { ...value, ...keywords, ...described([comment, ...news, ...ownWords].filter(Boolean).join(" ")) };
  }

  #constraintOf(field: DescField): Constraint {
    return constrain(rulesOf(field), field.fieldKind === "enum" ? field.enum : undefined);
  }

  #value(field: DescField): JsonObject {
    const rules = rulesOf(field)?.type;
    switch (field.fieldKind) {
      case "map": {
        const own = rules?.case === "map" ? rules.value : undefined;
        const names = constrain(own?.keys).keywords;
        const values = constrain(own?.values, field.enum).keywords;
        return {
          type: "object",
          ...(Object.keys(names).length === 0 ? {} : { propertyNames: names }),
          additionalProperties: { ...this.#single(field), ...values },
        };
      }
      case "list": {
        const own = rules?.case === "repeated" ? rules.value.items : undefined;
        return { type: "array", items: { ...this.#single(field), ...constrain(own, field.enum).keywords } };
      }
      default:
        return this.#single(field);
    }
  }

  #single({ scalar, enum: enumeration, message }: Pick<DescField, "scalar" | "enum" | "message">): JsonObject {
    if (scalar !== undefined) return SCALARS[scalar];
    if (enumeration !== undefined) return this.#enumeration(enumeration);
    return message === undefined ? {} : this.message(message);
  }

  #enumeration(desc: DescEnum): JsonObject {
    if (desc.typeName === "google.protobuf.NullValue") return { type: "null" };
    const lines = desc.values.map((value) => {
      const comment = this.commentOf(`${desc.typeName}.${value.name}`);
      return `- \`${value.jsonName}\`${comment === "" ? "" : `: ${comment}`}`;
    });
    this.components[desc.typeName] ??= {
      type: "string",
      enum: desc.values.map(({ jsonName }) => jsonName),
      description: [this.commentOf(desc.typeName), lines.join("\n")].filter(Boolean).join("\n\n"),
    };
    return { $ref: `#/components/schemas/${desc.typeName}` };
  }
}

/** Returns our text with the fields that it quotes in JSON names. */
export function withJsonNames(text: string): string {
  return text.replace(/`[a-z][a-z0-9]*(?:[._][a-z0-9]+)*`/g, (quoted) =>
    quoted.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
  );
}

/** Returns a description, if there is anything to say. */
export function described(text: string): JsonObject {
  return text === "" ? {} : { description: text };
}

function choiceOf(oneof: DescOneof, fields: readonly DescField[]): readonly JsonObject[] {
  const members = oneof.fields.filter((field) => fields.includes(field)).map(({ jsonName }) => jsonName);
  const mustBeSet = hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required;
  // A member bound elsewhere, in the path, may be the one.
  const whole = members.length === oneof.fields.length;
  if (members.length === 0 || (members.length === 1 && !mustBeSet)) return [];
  // Each names its property too: tools report a requirement of an undefined property as a mistake.
  const one: JsonValue[] = members.map((name) => ({ properties: { [name]: {} }, required: [name] }));
  return [{ oneOf: mustBeSet && whole ? one : [...one, { not: { anyOf: one } }] }];
}
