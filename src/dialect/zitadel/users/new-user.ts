/** Creates users: the persons in ZITADEL's requests, and the command. */
import type { MessageShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type {
  AddHumanUserRequestSchema as AddHumanV1,
  AddMachineUserRequestSchema as AddMachineV1,
  ImportHumanUserRequestSchema as ImportHumanV1,
} from "@zitadel/proto/zitadel/management_pb.js";
import type { CreateUserRequestSchema as CreateV3 } from "@zitadel/proto/zitadel/resources/user/v3alpha/user_service_pb.js";
import type {
  AddHumanUserRequest as AddHumanV2,
  CreateUserRequest_Human as CreateHumanV2,
  CreateUserRequest_Machine as CreateMachineV2,
} from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import type { PersonInput } from "../../../domain/command.ts";
import type { Profile } from "../../../domain/user.ts";
import type { Operations, UserView } from "../../../service/operations/operations.ts";
import { assertPerson } from "../../../service/person-rules.ts";
import { byReason, ERRORS, type KnownError, toError } from "../wire/error.ts";
import type { ZitadelCall } from "../wire/handler.ts";
import { type HumanExtras, humanAttributes, machineAttributes, schemaAttributes } from "./person-attributes.ts";

const ALREADY_EXISTING = "Errors.User.AlreadyExisting";

/** The answers to a taken id: ZITADEL reports a precondition, and most of the texts have no translation. */
export const TAKEN = {
  machine: { code: Code.FailedPrecondition, id: "COMMAND-k2una", text: ALREADY_EXISTING },
  humanV1: { code: Code.FailedPrecondition, id: "COMMAND-k2unb", text: ALREADY_EXISTING },
  humanV2: { code: Code.FailedPrecondition, id: "COMMAND-7yiox1isql", text: ALREADY_EXISTING },
  v3alpha: { code: Code.FailedPrecondition, id: "COMMAND-Nn8CRVlkeZ", text: "User already exists" },
} as const satisfies Readonly<Record<string, KnownError>>;

const SCHEMA_ID_MISSING: KnownError = {
  code: Code.InvalidArgument,
  id: "COMMAND-TFo06JgnF2",
  text: "User Schema ID missing",
};

const ONE_USERNAME: KnownError = {
  code: Code.InvalidArgument,
  id: "USERNAMES_UNSUPPORTED",
  text: "a user has one username here; send one of the usernames",
};

/** What a user is created from. */
export interface NewUser {
  /** Absent: an id is generated. */
  readonly userId: string | undefined;
  readonly organizationId: string;
  readonly person: PersonInput;
  /** The error if the id is taken. */
  readonly taken: KnownError;
}

/** Creates a user. Permission is checked after validation, as in ZITADEL. */
export async function createUser(
  operations: Operations,
  { userId = operations.newId(), organizationId, person, taken }: NewUser,
  call: ZitadelCall,
): Promise<UserView> {
  assertPerson(person);
  const isPermitted = call.admission.actor.permissions.has("user.write");
  try {
    const view = await operations.changeUser(
      { type: "CreateUser", userId, organizationId, ...person, reasonCode: "", note: "" },
      call,
      { validateOnly: !isPermitted },
    );
    if (isPermitted) return view;
  } catch (error) {
    const known = byReason(error, { USER_ALREADY_EXISTS: taken });
    throw known === undefined ? error : toError(known, error);
  }
  throw toError(ERRORS.userNotPermitted);
}

/** A human in the properties that all versions share; empty text means absent. */
type Human = HumanExtras & {
  readonly [F in "username" | "email" | "givenName" | "familyName" | "displayName" | "phone" | "locale"]: string;
} & { readonly emailVerified: boolean };

const DISPLAY_NAME_CHARS_MAX = 200;

function personOf(human: Human, isInitial: boolean): PersonInput {
  const { username, email, givenName, familyName, phone, locale, emailVerified } = human;
  const fullName = `${givenName} ${familyName}`;
  // Stored so that searches find it; one that is too long is composed when it is shown.
  const made = [...fullName].length > DISPLAY_NAME_CHARS_MAX ? "" : fullName;
  const displayName = human.displayName === "" ? made : human.displayName;
  const texts = { username, email, givenName, familyName, displayName, phone, locale };
  return { profile: profileOf(texts, emailVerified), attributes: humanAttributes(human, isInitial) };
}

function profileOf(texts: Readonly<Record<string, string>>, emailVerified: boolean): Profile {
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ""));
  return { ...given, ...(emailVerified ? { emailVerified } : {}) };
}

/** Management v1: a user is INITIAL until it has a password and a verified address. */
export function humanOfV1(request: MessageShape<typeof AddHumanV1> | MessageShape<typeof ImportHumanV1>): PersonInput {
  const { userName, profile, email, phone } = request;
  const isImport = request.$typeName === "zitadel.management.v1.ImportHumanUserRequest";
  const hasPassword = isImport
    ? request.password !== "" || (request.hashedPassword?.value ?? "") !== ""
    : request.initialPassword !== "";
  const emailVerified = email?.isEmailVerified ?? false;
  const human: Human = {
    username: userName,
    givenName: profile?.firstName ?? "",
    familyName: profile?.lastName ?? "",
    displayName: profile?.displayName ?? "",
    nickName: profile?.nickName ?? "",
    locale: profile?.preferredLanguage ?? "",
    gender: profile?.gender ?? 0,
    email: email?.email ?? "",
    emailVerified,
    phone: phone?.phone ?? "",
    isPhoneVerified: phone?.isPhoneVerified ?? false,
    hasPassword,
    passwordChangeRequired: isImport && request.passwordChangeRequired,
    metadata: [],
    identities: (isImport ? request.idps : []).map(({ configId, externalUserId, displayName }) => ({
      providerId: configId,
      userId: externalUserId,
      userName: displayName,
    })),
  };
  return personOf(human, !(emailVerified && hasPassword));
}

/** A human of user v2 and v2beta; without a username it signs in with its email address. */
export function humanOfV2(
  { profile, email, phone, passwordType, metadata, idpLinks }: HumanV2,
  username: string | undefined,
): PersonInput {
  const human: Human = {
    username: username ?? email?.email ?? "",
    givenName: profile?.givenName ?? "",
    familyName: profile?.familyName ?? "",
    displayName: profile?.displayName ?? "",
    nickName: profile?.nickName ?? "",
    locale: profile?.preferredLanguage ?? "",
    gender: profile?.gender ?? 0,
    email: email?.email ?? "",
    emailVerified: isVerified(email?.verification),
    phone: phone?.phone ?? "",
    isPhoneVerified: isVerified(phone?.verification),
    hasPassword: passwordType.case !== undefined,
    passwordChangeRequired: passwordType.value?.changeRequired ?? false,
    metadata,
    identities: idpLinks.map(({ idpId, userId, userName }) => ({ providerId: idpId, userId, userName })),
  };
  return personOf(human, false);
}

type HumanV2 = Pick<
  AddHumanV2 | CreateHumanV2,
  "profile" | "email" | "phone" | "passwordType" | "metadata" | "idpLinks"
>;

function isVerified(
  verification: { readonly case?: string | undefined; readonly value?: unknown } | undefined,
): boolean {
  return verification?.case === "isVerified" && verification.value === true;
}

/** A machine of management v1. */
export function machineOfV1(request: MessageShape<typeof AddMachineV1>): PersonInput {
  const { userName, name, description, accessTokenType } = request;
  return {
    profile: profileOf({ username: userName }, false),
    attributes: machineAttributes({ name, description, accessTokenType }),
  };
}

/** A machine of user v2. */
export function machineOfV2({ name, description = "" }: CreateMachineV2, username: string): PersonInput {
  return {
    profile: profileOf({ username }, false),
    attributes: machineAttributes({ name, description, accessTokenType: 0 }),
  };
}

/** A user of v3alpha: data of a schema, with ways to reach it. */
export function personOfV3({ user }: MessageShape<typeof CreateV3>): PersonInput {
  if (user === undefined) throw toError(SCHEMA_ID_MISSING);
  const { schemaId, data = {}, contact, authenticators } = user;
  const [username, another] = authenticators?.usernames ?? [];
  if (another !== undefined) throw toError(ONE_USERNAME);
  const extras: HumanExtras = {
    nickName: "",
    gender: 0,
    isPhoneVerified: isVerified(contact?.phone?.verification),
    hasPassword: authenticators?.password !== undefined,
    passwordChangeRequired: authenticators?.password?.changeRequired ?? false,
    metadata: [],
    identities: [],
  };
  const texts = {
    username: username?.username ?? "",
    email: contact?.email?.address ?? "",
    phone: contact?.phone?.number ?? "",
  };
  return {
    profile: profileOf(texts, isVerified(contact?.email?.verification)),
    attributes: { ...humanAttributes(extras, false), ...schemaAttributes({ schemaId, data }) },
  };
}
