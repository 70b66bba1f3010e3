/** Changes a user's properties: reads, edits, writes, and starts over after a concurrent write. */
import type { Attributes, Profile, ProfileField } from "../../../domain/user.ts";
import { retryOvertaken, type UserView } from "../../../service/operations/operations.ts";
import { assertPerson } from "../../../service/person-rules.ts";
import { type OperationCall, ofUser, readUser } from "../wire/operation.ts";
import { translateRefusal } from "../wire/refused.ts";
import { METADATA_NAMES, METADATA_NAMESPACES } from "./user-attributes.ts";

/** The fields of an UpdateUser that say what changes. */
export interface PersonEdit {
  readonly profile: Profile;
  readonly fields: readonly (ProfileField | "emailVerified")[];
  readonly attributes: Attributes;
  readonly namespaces: readonly string[];
}

/** The last change in progress of each user here: the next one waits for it, so that they do not conflict. */
const underWay = new Map<string, Promise<unknown>>();

/** Calls `edit` again for every attempt. Throws 404, 409 and 422. */
export async function updatePerson(call: OperationCall, edit: (view: UserView) => PersonEdit): Promise<UserView> {
  const before = underWay.get(call.userId) ?? Promise.resolve();
  const own = before.catch(() => undefined).then(() => tryUpdates(call, edit));
  underWay.set(call.userId, own);
  try {
    return await own;
  } finally {
    if (underWay.get(call.userId) === own) underWay.delete(call.userId);
  }
}

async function tryUpdates(call: OperationCall, edit: (view: UserView) => PersonEdit): Promise<UserView> {
  let attributesParam: string | undefined;
  try {
    // Other dialects and other processes may write in between.
    return await retryOvertaken(async () => {
      const view = await readUser(call, call.userId);
      const change = edit(view);
      assertStorable(change);
      attributesParam = attributesParamOf(change);
      const expectedSequence = view.user.state.sequence;
      return call.operations.changeUser({ type: "UpdateUser", ...ofUser(call), ...change, expectedSequence }, call);
    });
  } catch (error) {
    throw translateRefusal(error, { authorization: null, attributesParam }) ?? error;
  }
}

/** Throws 422 naming the parameter for a value that our own contract refuses. */
export function assertStorable({ profile, attributes }: Pick<PersonEdit, "profile" | "attributes">): void {
  assertPart({ profile, attributes: {} }, undefined);
  for (const [namespace, text] of Object.entries(attributes)) {
    assertPart({ profile: {}, attributes: { [namespace]: text } }, paramOf(namespace));
  }
}

function assertPart(part: Parameters<typeof assertPerson>[0], attributesParam: string | undefined): void {
  try {
    assertPerson(part);
  } catch (error) {
    throw translateRefusal(error, { authorization: null, attributesParam }) ?? error;
  }
}

/** Returns the parameter to name if the user's attributes together are too large: the largest one set. */
export function attributesParamOf({ attributes }: Pick<PersonEdit, "attributes">): string | undefined {
  const [largest] = Object.entries(attributes).toSorted(([, a], [, b]) => b.length - a.length);
  return largest === undefined ? undefined : paramOf(largest[0]);
}

function paramOf(namespace: string): string | undefined {
  return METADATA_NAMES.find((name) => METADATA_NAMESPACES[name] === namespace);
}
