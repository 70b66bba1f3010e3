/** The fixed answers of the peers: what lockkeeper says about a user who may act, in the contract's own messages. */
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { CheckSignInResponseSchema } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { GetUserResponseSchema } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";

const TIME = { seconds: 1_795_000_000n, nanos: 123_000_000 };

export const USER_ANSWER = create(GetUserResponseSchema, {
  user: {
    userId: "0190a000-0000-7000-8000-000000000001",
    state: State.ACTIVE,
    details: { sequence: 1n, creationDate: TIME, changeDate: TIME, resourceOwner: "default" },
    profile: { username: "user1@example.com" },
    revocationEpoch: 4_194_304n,
  },
});

const DECISION_ANSWER = create(CheckSignInResponseSchema, {
  decision: { allowed: true, state: State.ACTIVE, serverTime: TIME, attemptsLeft: 10, revocationEpoch: 4_194_304n },
});

/** The bytes of the answer to each path of gRPC. */
export const GRPC_ANSWERS: ReadonlyMap<string, Buffer> = new Map([
  ["/lockkeeper.user.v1.UserService/GetUser", Buffer.from(toBinary(GetUserResponseSchema, USER_ANSWER))],
  [
    "/lockkeeper.signin.v1.SignInService/CheckSignIn",
    Buffer.from(toBinary(CheckSignInResponseSchema, DECISION_ANSWER)),
  ],
]);

export const USER_JSON: string = toJsonString(GetUserResponseSchema, USER_ANSWER);
