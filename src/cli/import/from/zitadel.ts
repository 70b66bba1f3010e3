/** Users as ZITADEL exports them: ExportData of the admin API, and the lists of users of management v1 and user v2. */
import type { JsonObject } from "@bufbuild/protobuf";
import { RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import {
  Draft,
  flagIn,
  isObject,
  type Mapped,
  objectIn,
  objectsIn,
  RowFault,
  type Source,
  textIn,
  timeIn,
  withheld,
} from "../row.ts";

const ACTOR = "zitadel";
/** The namespaces in which the dialect stores these words. */
const HUMAN = "zitadel.human";
const MACHINE = "zitadel.machine";
const INITIAL = "zitadel.initial";

const SECRETS = ["password", "hashedPassword", "otpCode", "recoveryCodes", "hashedClientSecret"] as const;

/**
 * Three shapes, as proto3 JSON (npm @zitadel/proto 1.3.1): `zitadel.v1.v1.DataHumanUser` and `DataMachineUser` below
 * `orgs[]`, with the user in `user`; `zitadel.user.v1.User` and `zitadel.user.v2.User` below `result[]`, with the person in
 * `human` or `machine`.
 */
export const zitadelExport: Source = {
  formats: ["ndjson", "json"],
  columns: [],
  lists: ["humanUsers", "machineUsers", "result"],
  organizationName: "orgId",
  fromCells: () => {
    throw new RowFault("is CSV, which ZITADEL does not export");
  },
  fromObject,
};

function fromObject(object: JsonObject): Mapped {
  const draft = new Draft();
  const user = objectIn(object, "user");
  const details = objectIn(object, "details");
  draft.userId = textIn(object, "userId") || textIn(object, "id");
  draft.organization = textIn(details, "resourceOwner");
  draft.creationTime = timeIn(details, "creationDate");
  draft.set("username", textIn(user, "userName") || textIn(object, "username") || textIn(object, "userName"));
  const machine = machineOf(object, user);
  if (machine === undefined) setHuman(draft, isObject(object.human) ? object.human : user);
  else setMachine(draft, machine);
  draft.hasSecrets = SECRETS.some((name) => user[name] !== undefined && user[name] !== "");
  setState(draft, object.state);
  return draft.finish();
}

/** Returns the machine of an object; `undefined` for a human. A machine has a name of its own, a human a profile. */
function machineOf(object: JsonObject, user: JsonObject): JsonObject | undefined {
  if (isObject(object.machine)) return object.machine;
  return !isObject(user.profile) && typeof user.name === "string" ? user : undefined;
}

function setHuman(draft: Draft, human: JsonObject): void {
  const profile = objectIn(human, "profile");
  const email = objectIn(human, "email");
  const phone = objectIn(human, "phone");
  draft.set("givenName", textIn(profile, "givenName") || textIn(profile, "firstName"));
  draft.set("familyName", textIn(profile, "familyName") || textIn(profile, "lastName"));
  draft.set("displayName", textIn(profile, "displayName"));
  const locale = textIn(profile, "preferredLanguage");
  if (locale !== "und") draft.set("locale", locale);
  draft.set("email", textIn(email, "email"));
  if (flagIn(email, "isVerified") || flagIn(email, "isEmailVerified")) draft.profile.emailVerified = true;
  draft.set("phone", textIn(phone, "phone"));
  const gender = textIn(profile, "gender").replace(/^GENDER_/, "");
  const identities = objectsIn(human.idps).map((idp) => ({
    providerId: textIn(idp, "configId"),
    userId: textIn(idp, "externalUserId"),
    userName: textIn(idp, "displayName"),
  }));
  const hasPassword = ["hashedPassword", "password", "passwordChanged"].some((name) => Boolean(human[name]));
  draft.keep(HUMAN, {
    ...(textIn(profile, "nickName") === "" ? {} : { nickName: textIn(profile, "nickName") }),
    ...(gender === "" || gender === "UNSPECIFIED" ? {} : { gender }),
    ...(flagIn(phone, "isVerified") || flagIn(phone, "isPhoneVerified") ? { isPhoneVerified: true } : {}),
    ...(hasPassword ? { hasPassword } : {}),
    ...(flagIn(human, "passwordChangeRequired") ? { passwordChangeRequired: true } : {}),
    ...(identities.length === 0 ? {} : { identities }),
  });
}

function setMachine(draft: Draft, machine: JsonObject): void {
  const accessTokenType = textIn(machine, "accessTokenType").replace(/^ACCESS_TOKEN_TYPE_/, "");
  draft.attributes.set(MACHINE, {
    name: textIn(machine, "name"),
    ...(textIn(machine, "description") === "" ? {} : { description: textIn(machine, "description") }),
    ...(accessTokenType === "" || accessTokenType === "BEARER" ? {} : { accessTokenType }),
  });
}

/** Adds the restriction for a state. ZITADEL's locks do not expire. A suspended user (first API only) is deactivated. */
function setState(draft: Draft, state: JsonObject[string] | undefined): void {
  switch (state) {
    case undefined:
    case null:
    case "USER_STATE_UNSPECIFIED":
    case "USER_STATE_ACTIVE":
      return;
    case "USER_STATE_LOCKED":
      draft.restrict(RestrictionKind.LOCK, ACTOR);
      return;
    case "USER_STATE_INACTIVE":
    case "USER_STATE_SUSPEND":
      draft.restrict(RestrictionKind.DEACTIVATION, ACTOR);
      return;
    case "USER_STATE_INITIAL":
      draft.attributes.set(INITIAL, {});
      return;
    case "USER_STATE_DELETED":
      draft.passedOver = "is deleted in the source system";
      return;
    default:
      throw new RowFault(`state is ${withheld(state)}; it must be one of ZITADEL's, such as USER_STATE_LOCKED`);
  }
}
