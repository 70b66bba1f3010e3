/** The contract: every message, enum and service, and what tells refusals apart. Both entries export all of it. */
import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";

export { Code, ConnectError } from "@connectrpc/connect";
export * from "../../../gen/google/rpc/error_details_pb.ts";
export * from "../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
export * from "../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
export * from "../../../gen/lockkeeper/event/v1/event_pb.ts";
export * from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
// Two packages have an enum of this name: that of ListEvents has another one here.
export {
  EventOrder as EventListOrder,
  EventOrderSchema as EventListOrderSchema,
} from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
export * from "../../../gen/lockkeeper/event/v1/history_service_pb.ts";
export * from "../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
export * from "../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
export * from "../../../gen/lockkeeper/resource/v1/details_pb.ts";
export * from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
export * from "../../../gen/lockkeeper/resource/v1/profile_pb.ts";
export * from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
export * from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
export * from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
export * from "../../../gen/lockkeeper/user/v1/user_pb.ts";
export * from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
export { EventOrder, EventOrderSchema } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";

/** Returns why the service refused a call, such as `USER_ALREADY_LOCKED`; undefined for transport faults and other errors. */
export function reasonOf(error: unknown): string | undefined {
  return ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;
}
