/** What is wrong with a JSON value and where: kept as data until it is known which names and values may be shown. */
import type { JsonValue, Registry } from "@bufbuild/protobuf";
import { formatReceived } from "./bad-request.ts";

/** A step from a value into a member, an item or a map entry. */
interface Step {
  /** As in a path: `name`, `[3]`, `["key"]`. */
  readonly text: string;
  /** The text comes from the request: a map key or an unknown member. */
  readonly foreign: boolean;
  /** All below is a field marked debug_redact. */
  readonly redacted: boolean;
}

export interface JsonProblem {
  /** From the inside out. */
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

/** The value is not what the field takes. `expected` follows "must be". */
export function mustBe(expected: string, received: unknown): JsonProblem {
  return problem((path, redacted) => `${path} must be ${expected}; received ${formatReceived(received, redacted)}`);
}

export function problem(say: JsonProblem["say"]): JsonProblem {
  return { steps: [], say };
}

/** The problem as seen from outside: below a member or an item that the descriptor or the position names. */
export function below(found: JsonProblem, text: string, redacted = false): JsonProblem {
  found.steps.push({ text, foreign: false, redacted });
  return found;
}

/** The problem as seen from outside: below something that the request names. */
export function belowForeign(found: JsonProblem, text: string): JsonProblem {
  found.steps.push({ text, foreign: true, redacted: false });
  return found;
}

/**
 * The path of the field (empty for the body as a whole) and the sentence. Within redacted fields foreign names are left
 * out. `redactAll`: all fields are.
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
