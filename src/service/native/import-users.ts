/** ImportUsers: each item succeeds or fails separately, in slices after the interactive commands. */
import { createHash } from "node:crypto";
import { create, type JsonObject, type Message, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import type { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import * as pb from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { canonicalJson } from "../../domain/canonical-json.ts";
import type { ImportUser } from "../../domain/command.ts";
import { invalidField, listFields, RefusalError } from "../../domain/refusal.ts";
import type { ServiceCall } from "../call.ts";
import { mapError } from "../errors.ts";
import { type ChangeTerms, writeOrganization } from "../operations/caller.ts";
import type { ImportedUser, UserOperations } from "../operations/users.ts";
import { toTime } from "../times.ts";
import { validate } from "../validation.ts";
import { causeNameOf, kindNameOf, toAttributes, toDetails, toProfile } from "./message/user-message.ts";
import { requestContent, termsOf, toExpiry } from "./request.ts";

/** How many items wait in the store at once: enough to fill batches, few enough to leave room in the queue. */
const SLICE_ITEMS = 64;

type Result = pb.ImportUsersResult;

export async function importUsers(
  operations: Pick<UserOperations, "importUser">,
  request: pb.ImportUsersRequest,
  call: ServiceCall,
): Promise<pb.ImportUsersResponse> {
  const organizationId = writeOrganization(call.admission.actor, request.organizationId);
  const content = await contentInTurns(request, call);
  const terms: ChangeTerms = { ...termsOf(call, request, () => content), lane: "bulk" };
  const results: Result[] = [];
  for (let start = 0; start < request.users.length; start += SLICE_ITEMS) {
    const outcomes: Promise<Result>[] = [];
    for (const [offset, item] of request.users.slice(start, start + SLICE_ITEMS).entries()) {
      // Cheap for a valid item, but each item may break dozens of rules.
      await call.takeTurn();
      const input = { item, index: start + offset, organizationId, terms, ifExists: request.ifExists, call };
      outcomes.push(importOne(operations, input));
    }
    results.push(...(await Promise.all(outcomes)));
  }
  // A thousand errors take milliseconds to write.
  await call.takeTurn();
  return create(pb.ImportUsersResponseSchema, { results });
}

/** Returns the same as `requestContent`, which would take one long turn: this hashes the items one after another. */
async function contentInTurns(request: pb.ImportUsersRequest, call: ServiceCall): Promise<Uint8Array> {
  const { input } = call.method;
  const digest = createHash("sha256");
  try {
    const rest = toJson(input, { ...request, requestId: "", users: [] } as Message) as JsonObject;
    const text = canonicalJson({ ...rest, users: [] });
    // No other member has this name, and quotes within texts are escaped.
    const at = text.indexOf('"users":[') + '"users":['.length;
    digest.update(text.slice(0, at));
    for (const [index, user] of request.users.entries()) {
      await call.takeTurn();
      digest.update(`${index === 0 ? "" : ","}${canonicalJson(toJson(pb.ImportUserSchema, user) as JsonObject)}`);
    }
    return digest.update(text.slice(at)).digest();
  } catch {
    // A request without a JSON form is remembered by its bytes.
    await call.takeTurn();
    return requestContent(call.method, request);
  }
}

interface Item {
  readonly item: pb.ImportUser;
  readonly index: number;
  readonly organizationId: string;
  readonly terms: ChangeTerms;
  readonly ifExists: pb.IfExists;
  readonly call: ServiceCall;
}

/** Imports one item. Never rejects: an error is the item's result. */
async function importOne(operations: Pick<UserOperations, "importUser">, input: Item): Promise<Result> {
  const { userId } = input.item;
  try {
    const { view, action } = await operations.importUser(toImportedUser(input), input.call, termsOfItem(input));
    return create(pb.ImportUsersResultSchema, {
      userId,
      action: pb.ImportUsersResult_Action[action],
      result: { case: "details", value: toDetails(view.user.state) },
    });
  } catch (error) {
    return create(pb.ImportUsersResultSchema, { userId, result: { case: "error", value: toStatus(error) } });
  }
}

/** Returns the terms of one item. Each item is remembered separately. */
function termsOfItem({ terms, index }: Item): ChangeTerms {
  const { request } = terms;
  return request === undefined
    ? terms
    : { ...terms, request: { ...request, id: `${request.id}/${index}`, sentId: request.id } };
}

const IF_EXISTS: Readonly<Record<pb.IfExists, ImportUser["ifExists"]>> = {
  [pb.IfExists.UNSPECIFIED]: "error",
  [pb.IfExists.ERROR]: "error",
  [pb.IfExists.SKIP]: "skip",
  [pb.IfExists.UPDATE]: "update",
};

function toImportedUser({ item, organizationId, ifExists }: Item): ImportedUser {
  const invalid = validate(pb.ImportUserSchema, item);
  if (invalid !== undefined) throw new RefusalError(invalid);
  return {
    userId: item.userId,
    organizationId,
    profile: toProfile(item.profile),
    attributes: toAttributes(item.attributes),
    ...(item.creationDate === undefined ? {} : { creationTime: toTime(item.creationDate, "creation_date", "down") }),
    restrictions: item.restrictions.map((restriction, i) => toRestriction(restriction, `restrictions[${i}].`)),
    ifExists: IF_EXISTS[ifExists] ?? "error",
  };
}

function toRestriction(item: pb.ImportRestriction, prefix: string): ImportedUser["restrictions"][number] {
  const kind = kindNameOf(item.kind);
  if (kind === undefined) throw invalidField(`${prefix}kind`, "is not set; say LOCK, BAN or DEACTIVATION");
  return {
    kind,
    cause: causeNameOf(item.cause) ?? "ADMIN",
    reasonCode: item.reasonCode,
    note: item.note,
    actor: item.actor,
    ...(item.startTime === undefined ? {} : { startTime: toTime(item.startTime, `${prefix}start_time`, "down") }),
    expiry: toExpiry(item.expiry, prefix),
  };
}

const INTERNAL: Code = 13;

/** The most wrong fields of one item: one answer has 1,000 items. */
const ITEM_FIELDS_MAX = 3;

/** Returns the error of an item as the status that a call of its own would have, but with fewer fields. */
function toStatus(error: unknown): MessageInitShape<typeof StatusSchema> {
  const mapped = mapError(error instanceof RefusalError ? withFewFields(error) : error);
  if (!(mapped instanceof ConnectError)) return { code: INTERNAL, message: "internal error" };
  const details = [
    ...mapped.findDetails(ErrorInfoSchema).map((value) => anyPack(ErrorInfoSchema, value)),
    ...mapped.findDetails(BadRequestSchema).map((value) => anyPack(BadRequestSchema, value)),
    ...mapped.findDetails(RetryInfoSchema).map((value) => anyPack(RetryInfoSchema, value)),
  ];
  return { code: mapped.code, message: mapped.rawMessage, details };
}

function withFewFields({ refusal }: RefusalError): RefusalError {
  return new RefusalError({ ...refusal, fields: listFields(refusal.fields, ITEM_FIELDS_MAX) });
}
