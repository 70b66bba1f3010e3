/** Users and their details in the form of each of ZITADEL's APIs. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { OwnerType } from "@zitadel/proto/zitadel/object/v3alpha/object_pb.js";
import type { DetailsSchema } from "@zitadel/proto/zitadel/resources/object/v3alpha/object_pb.js";
import type { UserSchema as UserV2Schema } from "@zitadel/proto/zitadel/user/v2/user_pb.js";
import { UserState as UserStateV2 } from "@zitadel/proto/zitadel/user/v2/user_pb.js";
import type { UserSchema as UserV1Schema } from "@zitadel/proto/zitadel/user_pb.js";
import { UserState as UserStateV1 } from "@zitadel/proto/zitadel/user_pb.js";
import type { State, User, UserState } from "../../../domain/user.ts";
import type { UserView } from "../../../service/operations/operations.ts";
import { toTimestamp } from "../../../service/times.ts";
import { displayNameOf, humanExtrasOf, isInitial, loginNameOf, machineExtrasOf } from "./person-attributes.ts";

/** ZITADEL's states. */
export type ShownState = "ACTIVE" | "INACTIVE" | "DELETED" | "LOCKED" | "INITIAL";

/** A banned user may not act, and LOCKED is the nearest word. */
const SHOWN_STATES: Readonly<Record<State, ShownState>> = {
  ACTIVE: "ACTIVE",
  INACTIVE: "INACTIVE",
  LOCKED: "LOCKED",
  BANNED: "LOCKED",
  DELETED: "DELETED",
};

/** Returns the state of a user in ZITADEL's words. */
export function shownStateOf({ user, state }: Pick<UserView, "user" | "state">): ShownState {
  return state === "ACTIVE" && isInitial(user) ? "INITIAL" : SHOWN_STATES[state];
}

type TimestampInit = MessageInitShape<typeof TimestampSchema>;

/** Sequence, dates and owner: the same fields in v1, v2 and v2beta. */
export interface DetailsInit {
  readonly sequence: bigint;
  readonly creationDate: TimestampInit;
  readonly changeDate: TimestampInit;
  readonly resourceOwner: string;
}

/** Returns the details of a user, for changes and reads alike. */
export function detailsOf({ user: { state } }: Pick<UserView, "user">): DetailsInit {
  return resourceDetails(state);
}

/** Returns the details of anything that an organization owns. */
export function resourceDetails(
  resource: Pick<UserState, "sequence" | "creationTime" | "changeTime" | "organizationId">,
): DetailsInit {
  return {
    sequence: BigInt(resource.sequence),
    creationDate: toTimestamp(resource.creationTime),
    changeDate: toTimestamp(resource.changeTime),
    resourceOwner: resource.organizationId,
  };
}

/** What every version shows of a user in the same words, and what each shows in its own. */
function partsOf(view: UserView) {
  const { profile, attributes } = view.user.person;
  const loginName = loginNameOf(view.user);
  const human = humanExtrasOf(attributes);
  return {
    profile,
    human,
    machine: machineExtrasOf(attributes),
    shared: { details: detailsOf(view), loginNames: [loginName], preferredLoginName: loginName },
    sharedProfile: {
      nickName: human.nickName,
      displayName: displayNameOf(profile),
      preferredLanguage: profile.locale ?? "",
      gender: human.gender,
    },
  };
}

/** Returns a user of management v1. */
export function toUserV1(view: UserView): MessageInitShape<typeof UserV1Schema> {
  const { user } = view;
  const { profile, human, machine, shared, sharedProfile } = partsOf(view);
  const { givenName = "", familyName = "", email = "", emailVerified = false, phone = "" } = profile;
  return {
    ...shared,
    id: user.state.id,
    state: UserStateV1[shownStateOf(view)],
    userName: profile.username ?? "",
    type:
      machine === undefined
        ? {
            case: "human",
            value: {
              profile: { ...sharedProfile, firstName: givenName, lastName: familyName },
              email: { email, isEmailVerified: emailVerified },
              phone: { phone, isPhoneVerified: human.isPhoneVerified },
              ...passwordChanged(user, human.hasPassword),
            },
          }
        : { case: "machine", value: machine },
  };
}

/** Returns a user of user v2, which is the same in v2beta. */
export function toUserV2(view: UserView): MessageInitShape<typeof UserV2Schema> {
  const { user } = view;
  const { profile, human, machine, shared, sharedProfile } = partsOf(view);
  const { givenName = "", familyName = "", email = "", emailVerified = false, phone = "" } = profile;
  return {
    ...shared,
    userId: user.state.id,
    state: UserStateV2[shownStateOf(view)],
    username: profile.username ?? "",
    type:
      machine === undefined
        ? {
            case: "human",
            value: {
              profile: { ...sharedProfile, givenName, familyName },
              email: { email, isVerified: emailVerified },
              phone: { phone, isVerified: human.isPhoneVerified },
              passwordChangeRequired: human.passwordChangeRequired,
              ...passwordChanged(user, human.hasPassword),
            },
          }
        : { case: "machine", value: machine },
  };
}

/** Passwords are stored elsewhere: only whether one was given at the creation is known. */
function passwordChanged({ state }: User, hasPassword: boolean): { readonly passwordChanged?: TimestampInit } {
  return hasPassword ? { passwordChanged: toTimestamp(state.creationTime) } : {};
}

/** Returns the answer to a change in v3alpha. */
export function toDetailsV3({ user: { state } }: UserView): MessageInitShape<typeof DetailsSchema> {
  return {
    id: state.id,
    created: toTimestamp(state.creationTime),
    changed: toTimestamp(state.changeTime),
    owner: { type: OwnerType.ORG, id: state.organizationId },
  };
}
