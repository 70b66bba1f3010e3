/** Gets, creates, updates and deletes users. */
import type { User } from "../../../domain/user.ts";
import { assertPermission, type ImportedUser, type UserView } from "../../../service/operations/operations.ts";
import { featureNotEnabled, paramsInvalid, paramValueInvalid } from "../wire/clerk-error.ts";
import { readForm } from "../wire/form.ts";
import { type Operation, type OperationCall, ofUser, readUser } from "../wire/operation.ts";
import { translateRefusal } from "../wire/refused.ts";
import { EMAIL, type IdentificationKind, identificationsOf, PHONE, toStored } from "./identification.ts";
import { editMetadata } from "./metadata.ts";
import {
  CREATE_PARAMS,
  type CreateForm,
  readExtras,
  readIdentifications,
  readProfile,
  UPDATE_PARAMS,
  type UpdateForm,
} from "./person-form.ts";
import { assertStorable, attributesParamOf, type PersonEdit, updatePerson } from "./update-person.ts";
import {
  DEFAULT_EXTRAS,
  EXTRAS_NAMESPACE,
  extrasAttributes,
  extrasOf,
  METADATA_NAMES,
  toMetadataAttributes,
  type UserExtras,
} from "./user-attributes.ts";
import { showUser } from "./user-json.ts";

/** GET /users/{id}. */
export const getUser: Operation = {
  name: "GetUser",
  permission: "user.read",
  serve: async (call) => showUser(call, await readUser(call, call.userId)),
};

/** DELETE /users/{id}: answers what is left of the user, its id. */
export const deleteUser: Operation = {
  name: "DeleteUser",
  permission: "user.delete",
  serve: async (call) => {
    await call.operations.changeUser({ type: "DeleteUser", ...ofUser(call) }, call);
    return { object: "user", id: call.userId, deleted: true };
  },
};

/** POST /users. */
export const createUser: Operation = {
  name: "CreateUser",
  permission: "user.write",
  serve: async (call) => {
    const form = readForm(await call.readBody(), CREATE_PARAMS);
    // Wallets cannot be searched here: as in an instance without them, none is accepted.
    if ((form.web3_wallet ?? []).length > 0) throw featureNotEnabled();
    const { profile, extras } = readIdentifications(form);
    const person = {
      profile: { ...readProfile(form).profile, ...profile },
      attributes: Object.assign(
        extrasAttributes({ ...DEFAULT_EXTRAS, ...extras, ...readExtras(form, null) }),
        ...METADATA_NAMES.map((name) => toMetadataAttributes(name, form[name] ?? {})),
      ),
    };
    assertStorable(person);
    return showUser(call, await create(call, form, person));
  },
};

async function create(
  call: OperationCall,
  form: CreateForm,
  person: Pick<PersonEdit, "profile" | "attributes">,
): Promise<UserView> {
  try {
    return await write(call, form, person);
  } catch (error) {
    throw translateRefusal(error, { authorization: null, attributesParam: attributesParamOf(person) }) ?? error;
  }
}

/** One command for everything asked: at no moment does the user exist without its ban. */
async function write(
  call: OperationCall,
  form: CreateForm,
  person: Pick<PersonEdit, "profile" | "attributes">,
): Promise<UserView> {
  const { operations } = call;
  const common = {
    userId: `user_${operations.newId().replaceAll("-", "")}`,
    organizationId: "",
    ...person,
  };
  const restrictions: ImportedUser["restrictions"][number][] = [];
  const restriction = { cause: "ADMIN", reasonCode: "", note: "", actor: "" } as const;
  if (form.banned) restrictions.push({ ...restriction, kind: "BAN", expiry: { kind: "never" } });
  if (form.locked) restrictions.push({ ...restriction, kind: "LOCK", expiry: { kind: "default" } });
  const creationTime = form.created_at ?? undefined;
  if (restrictions.length === 0 && creationTime === undefined) {
    return operations.changeUser({ type: "CreateUser", ...common, reasonCode: "", note: "" }, call);
  }
  const user: ImportedUser = {
    ...common,
    restrictions,
    ifExists: "error",
    ...(creationTime === undefined ? {} : { creationTime }),
  };
  return (await operations.importUser(user, call)).view;
}

/** PATCH /users/{id}. */
export const updateUser: Operation = {
  name: "UpdateUser",
  permission: "user.write",
  serve: async (call) => {
    const form = readForm(await call.readBody(), UPDATE_PARAMS);
    const signsOut = form.sign_out_of_other_sessions === true;
    if (signsOut) assertPermission(call.actor, "session.delete", "UpdateUser with sign_out_of_other_sessions");
    const updated = await updatePerson(call, (view) => editPerson(view, form));
    // Last, so that sessions that began with the old password in between end as well.
    return showUser(call, signsOut ? await signOut(call) : updated);
  },
};

function signOut(call: OperationCall): Promise<UserView> {
  return call.operations.changeUser({ type: "RevokeUserSessions", ...ofUser(call) }, call);
}

/** Metadata in this operation replace the stored ones; SDK versions that merge call another operation. */
function editPerson({ user, now }: UserView, form: UpdateForm): PersonEdit {
  if (typeof form.primary_web3_wallet_id === "string") {
    throw paramsInvalid([paramValueInvalid("primary_web3_wallet_id", form.primary_web3_wallet_id)]);
  }
  const texts = readProfile(form);
  const email = switchPrimary(user, EMAIL, form.primary_email_address_id);
  const phone = switchPrimary(user, PHONE, form.primary_phone_number_id);
  const extras = { ...extrasOf(user), ...readExtras(form, now), ...email.extras, ...phone.extras };
  const metadata = editMetadata(user, form, (_present, given) => given);
  return {
    profile: { ...texts.profile, ...email.profile, ...phone.profile },
    fields: [...texts.fields, ...email.fields, ...phone.fields],
    attributes: { ...metadata.attributes, ...extrasAttributes(extras) },
    namespaces: [...metadata.namespaces, EXTRAS_NAMESPACE],
  };
}

type Switch = Pick<PersonEdit, "profile" | "fields"> & { readonly extras: Partial<UserExtras> };

/** Makes another verified address or number of the user the profile's. */
function switchPrimary(user: User, kind: IdentificationKind, id: string | null | undefined): Switch {
  const all = identificationsOf(user, kind);
  const next = all.find((each) => each.id === id);
  if (id === undefined || id === null || next?.primary) return { profile: {}, fields: [], extras: {} };
  if (next?.status !== "verified") throw paramsInvalid([paramValueInvalid(kind.primaryParam, id)]);
  const stored = all.map((each) => ({ ...each, primary: each === next }));
  const isEmail = kind === EMAIL;
  return {
    profile: { [kind.profileField]: next.value, ...(isEmail ? { emailVerified: true as const } : {}) },
    fields: isEmail ? [kind.profileField, "emailVerified"] : [kind.profileField],
    extras: { [kind.list]: toStored(stored, kind) },
  };
}
