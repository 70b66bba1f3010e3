/** What the peers answer: a decision as lockkeeper gives one about a user who may act. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CheckSignInResponseSchema } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";

export const PEER_DECISION = {
  decision: {
    allowed: true,
    state: State.ACTIVE,
    serverTime: { seconds: 1_795_000_000n, nanos: 123_000_000 },
    attemptsLeft: 10,
    revocationEpoch: 4_194_304n,
  },
} satisfies MessageInitShape<typeof CheckSignInResponseSchema>;
