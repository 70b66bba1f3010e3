/** SignInService: reading recorded attempts. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import type { AttemptOutcome } from "../../domain/attempt.ts";
import { type AddressRange, parseNetwork } from "../../domain/network.ts";
import { shown } from "../../domain/refusal.ts";
import { LATEST_TIME } from "../../domain/restriction.ts";
import type { AttemptQuery } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import type { ServiceHandlers } from "../call.ts";
import { mapInTurns } from "../in-turns.ts";
import { assertWithinScope, invalidField, pageSizeOf, readScope, toPeriod } from "../request.ts";
import { OUTCOME_VALUES, toAttemptMessage } from "./message/sign-in-message.ts";

export function attemptQueries(store: Store): Pick<ServiceHandlers<typeof pb.SignInService>, "listAttempts"> {
  return {
    async listAttempts(request, call) {
      const { actor } = call.admission;
      assertWithinScope(actor, request.organizationId);
      const query: AttemptQuery = {
        organizationId: readScope(actor, request.organizationId),
        ...toPeriod(request, { startTime: Number.MIN_SAFE_INTEGER, endTime: LATEST_TIME + 1 }),
        ...(request.userId === undefined ? {} : { userId: request.userId }),
        ...(request.network === undefined ? {} : { network: toAddressRange(request.network) }),
        ...(request.outcomes.length === 0 ? {} : { outcomes: toOutcomes(request.outcomes) }),
        newestFirst: true,
        pageSize: pageSizeOf(request.pageSize),
        ...(request.pageToken === "" ? {} : { after: request.pageToken }),
      };
      const page = await store.listAttempts(query, { signal: call.signal });
      return create(pb.ListAttemptsResponseSchema, {
        attempts: await mapInTurns(page.items, call, toAttemptMessage),
        nextPageToken: page.next ?? "",
      });
    },
  };
}

function toAddressRange(network: string): AddressRange {
  const range = parseNetwork(network);
  if (range !== undefined) return range;
  throw invalidField(
    "network",
    `${shown(network)} is not a network; it must be like 203.0.113.0/24, 2001:db8::/48 or a single address`,
  );
}

function toOutcomes(values: readonly pb.AttemptOutcome[]): readonly AttemptOutcome[] {
  const names = Object.keys(OUTCOME_VALUES) as AttemptOutcome[];
  return names.filter((name) => values.includes(OUTCOME_VALUES[name]));
}
