/** A fault of a JSON value and its place: kept as data until it is known which names and values may be shown. */
import type { JsonValue, Registry } from "@bufbuild/protobuf";
import { formatReceived } from "./bad-request.ts";

/** A step from a value into a member, an item or a map entry. */
interface Step {
  /** The text of the step in a path: `name`, `[3]`, `["key"]`. */
  readonly text: string;
  /** Whether the text comes from the request: a map key or an unknown member. */
  readonly foreign: boolean;
  /** Whether everything below is in a field marked debug_redact. */
  readonly redacted: boolean;
}

/** A fault of a JSON value. */
export interface JsonProblem {
  /** From the innermost step outward. */
  readonly steps: Step[];
  /** Makes the sentence. */
  readonly say: (path: string, redacted: boolean) => string;
}

/** Finds the first problem of a value; undefined where it fits. */
export type JsonCheck = (json: JsonValue, walk: JsonWalk) => JsonProblem | undefined;

/** What the checks of one body share. */
export interface JsonWalk {
  readonly unknownFields: "refuse" | "ignore";
  readonly registry: Registry;
  /** The number of members seen. It is less than in the text when JSON.parse dropped a member that was given twice. */
  members: number;
}

/** Returns the problem of a value that the field does not accept. `expected` follows "must be". */
export function mustBe(expected: string, received: unknown): JsonProblem {
  return problem((path, redacted) => `${path} must be ${expected}; received ${formatReceived(received, redacted)}`);
}

/** Returns a problem at the value itself. */
export function problem(say: JsonProblem["say"]): JsonProblem {
  return { steps: [], say };
}

/** Adds a step outward: a member or an item, named by the descriptor or the position. */
export function below(found: JsonProblem, text: string, redacted = false): JsonProblem {
  found.steps.push({ text, foreign: false, redacted });
  return found;
}

/** Adds a step outward that the request names. */
export function belowForeign(found: JsonProblem, text: string): JsonProblem {
  found.steps.push({ text, foreign: true, redacted: false });
  return found;
}

/**
 * Returns the path of the field (empty for the whole body) and the sentence. Names from the request are left out within
 * redacted fields. `redactAll`: all fields are redacted.
 */
export function describeProblem(
  { steps, say }: JsonProblem,
  redactAll = false,
): { readonly field: string; readonly sentence: string } {
  let field = "";
  let redacted = redactAll;
  for (const step of steps.toReversed()) {
    const text = !(step.foreign && redacted) ? step.text : step.text.startsWith("[") ? "[…]" : "…";
    field += field === "" || text.startsWith("[") ? text : `.${text}`;
    redacted ||= step.redacted;
  }
  return { field, sentence: say(field === "" ? "the request body" : field, redacted) };
}
