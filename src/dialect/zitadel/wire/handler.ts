/** Wraps every handler alike: organization of the request, validation, handling, errors in ZITADEL's form. */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { options as methodOptions } from "@zitadel/proto/zitadel/protoc_gen_zitadel/v2/options_pb.js";
import { mapInTurns } from "../../../service/in-turns.ts";
import { isList, type Place } from "../../../service/list-lanes.ts";
import type { Caller, Operations } from "../../../service/operations/operations.ts";
import { findUnstorable } from "../../../service/validation.ts";
import type { AnyHandler, Call } from "../../../transport/mount.ts";
import { type CallerAdmission, contextOrganization, refuseActor } from "./admission.ts";
import { ERRORS, invalidArgument, mapError } from "./error.ts";
import { findViolation, toGoName, typeNameOf } from "./validate-rules.ts";

/** A call as the handlers of this dialect see it. */
export interface ZitadelCall extends Caller {
  readonly admission: CallerAdmission;
  /** When the caller stops waiting; `undefined`: never. */
  readonly deadlineTime: number | undefined;
  /** As in `Call`. */
  readonly signal: AbortSignal;
  /** Between two pages of a walk: lets other lists run first. */
  pass(): Promise<void> | undefined;
  /** As in `Call`. */
  takeTurn(): Promise<void> | undefined;
}

/** Handlers by the local names of their methods; they return the init of the response. */
export type ZitadelHandlers<S extends DescService> = {
  readonly [M in keyof S["method"]]?: (
    request: MessageShape<S["method"][M]["input"]>,
    call: ZitadelCall,
  ) => Promise<MessageInitShape<S["method"][M]["output"]>>;
};

type PlainHandler = (request: Message, call: ZitadelCall) => Promise<MessageInitShape<DescMessage>>;

/** Returns the handlers to mount. Throws if one names no method of the service. */
export function wrapHandlers<S extends DescService>(
  operations: Operations,
  service: S,
  handlers: ZitadelHandlers<S>,
): Readonly<Record<string, AnyHandler<CallerAdmission>>> {
  const wrapped: Record<string, AnyHandler<CallerAdmission>> = {};
  for (const [name, handler] of Object.entries(handlers)) {
    const method = service.method[name];
    if (method === undefined) throw new Error(`${service.typeName} has no method ${name}`);
    wrapped[name] = wrapHandler(operations, method, handler as PlainHandler);
  }
  return wrapped;
}

function wrapHandler(operations: Operations, method: DescMethod, handler: PlainHandler): AnyHandler<CallerAdmission> {
  const { input, output } = method;
  const organizationField = getOption(method, methodOptions).authOption?.orgField ?? "";
  const answer = async (request: Message, call: Call<CallerAdmission>, place?: Place) => {
    const { admission, deadlineTime } = call;
    const named = organizationField === "" ? undefined : (request as unknown as NamesOwner)[organizationField];
    const admitted = named === undefined ? admission : await admitTo(operations, admission, named);
    assertValid(input, request);
    const own: ZitadelCall = {
      admission: admitted,
      wire: "zitadel",
      deadlineTime,
      get signal() {
        return call.signal;
      },
      pass: () => place?.pass(),
      takeTurn: () => call.takeTurn(),
    };
    try {
      return await createInTurns(output, await handler(request, own), call);
    } finally {
      operations.recheck(admitted);
    }
  };
  return async (request: Message, call: Call<CallerAdmission>) => {
    try {
      await call.takeTurn();
      if (!isList(method.name)) return await answer(request, call);
      const lister = { actor: call.admission.actor, signal: call.signal };
      return await operations.lists.run(lister, (place) => answer(request, call, place));
    } catch (error) {
      throw mapError(error);
    }
  };
}

/** Like `create`; the messages of lists are created in parts. */
async function createInTurns(
  output: DescMessage,
  init: MessageInitShape<DescMessage>,
  call: Pick<ZitadelCall, "takeTurn">,
) {
  const members: Record<string, unknown> = { ...init };
  for (const { fieldKind, localName, message } of output.fields) {
    const items = members[localName];
    if (fieldKind !== "list" || message === undefined || !Array.isArray(items)) continue;
    members[localName] = await mapInTurns(items as MessageInitShape<DescMessage>[], call, (each) =>
      create(message, each),
    );
  }
  return create(output, members);
}

type NamesOwner = Readonly<Record<string, OrganizationChoice | undefined>>;

/** The two Organization messages: `org` in user v2 and v2beta, `property` in v3alpha. */
interface OrganizationChoice {
  readonly org?: Choice;
  readonly property?: Choice;
}

interface Choice {
  readonly case?: string | undefined;
  readonly value?: string | undefined;
}

/** Returns what a request says about an organization: its id, that it cannot exist, or nothing. */
export function organizationOf(choice: OrganizationChoice | undefined): { readonly id: string } | "none" | undefined {
  const { case: kind, value = "" } = choice?.org ?? choice?.property ?? {};
  if (kind === undefined || value === "") return undefined;
  // Organizations have ids and no domains here.
  return kind === "orgId" ? { id: value } : "none";
}

/** The organization in a request takes precedence over the one in its headers. */
async function admitTo(
  operations: Operations,
  admission: CallerAdmission,
  choice: OrganizationChoice,
): Promise<CallerAdmission> {
  const named = organizationOf(choice);
  if (named === undefined) return admission;
  const { actor } = admission;
  if (named === "none") throw refuseActor(actor, ERRORS.organizationMissing);
  return { ...admission, organizationId: await contextOrganization(operations, actor, named.id, true) };
}

function assertValid(input: DescMessage, request: Message): void {
  const violation = findViolation(input, request);
  if (violation !== undefined) throw invalidArgument(violation);
  const unfit = findUnstorable(input, request);
  if (unfit !== undefined) {
    const field = unfit.field.replace(/^\w+/, toGoName);
    throw invalidArgument(`invalid ${typeNameOf(input)}.${field}: ${unfit.description}`);
  }
}
