/** The services as mounts. Imported only when the dialect is enabled: the descriptors are large. */
import { type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { AdminService } from "@zitadel/proto/zitadel/admin_pb.js";
import { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import { options as methodOptions } from "@zitadel/proto/zitadel/protoc_gen_zitadel/v2/options_pb.js";
import { ZITADELUsers } from "@zitadel/proto/zitadel/resources/user/v3alpha/user_service_pb.js";
import { SessionService } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import { SessionService as BetaSessionService } from "@zitadel/proto/zitadel/session/v2beta/session_service_pb.js";
import { SettingsService } from "@zitadel/proto/zitadel/settings/v2/settings_service_pb.js";
import { SettingsService as BetaSettingsService } from "@zitadel/proto/zitadel/settings/v2beta/settings_service_pb.js";
import { UserService } from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import { UserService as BetaUserService } from "@zitadel/proto/zitadel/user/v2beta/user_service_pb.js";
import type { Admission } from "../../service/call.ts";
import type { Operations } from "../../service/operations/operations.ts";
import type { Mount } from "../../transport/mount.ts";
import { adminHandlers } from "./services/admin-v1.ts";
import { managementHandlers } from "./services/management-v1.ts";
import { betaSessionHandlers, sessionHandlers } from "./services/session-v2.ts";
import { betaSettingsHandlers, settingsHandlers } from "./services/settings-v2.ts";
import { betaUserHandlers, userHandlers } from "./services/user-v2.ts";
import { usersHandlers } from "./services/users-v3alpha.ts";
import { type CallerAdmission, createAdmit, hasCaller } from "./wire/admission.ts";
import { keepOwnDetails } from "./wire/error.ts";
import { wrapHandlers, type ZitadelHandlers } from "./wire/handler.ts";
import { restPolicy } from "./wire/rest-policy.ts";

/**
 * Mounts all methods: those without a handler answer UNIMPLEMENTED to every authenticated caller. Of AdminService only
 * a few are mounted: most of it concerns things that do not exist here.
 */
export function zitadelMounts(operations: Operations): readonly Mount<Admission>[] {
  const admin = adminHandlers(operations);
  const mounts: readonly Mount<CallerAdmission>[] = [
    mountOf(operations, ManagementService, managementHandlers(operations), { pathPrefix: "/management/v1" }),
    mountOf(operations, UserService, userHandlers(operations), { ownPaths: ["/v2"] }),
    mountOf(operations, BetaUserService, betaUserHandlers(operations), { ownPaths: ["/v2beta"] }),
    mountOf(operations, ZITADELUsers, usersHandlers(operations), { ownPaths: ["/resources/v3alpha"] }),
    mountOf(operations, SessionService, sessionHandlers(operations), { ownPaths: ["/v2"] }),
    mountOf(operations, BetaSessionService, betaSessionHandlers(operations), { ownPaths: ["/v2beta"] }),
    mountOf(operations, SettingsService, settingsHandlers(operations), { ownPaths: ["/v2"] }),
    mountOf(operations, BetaSettingsService, betaSettingsHandlers(operations), { ownPaths: ["/v2beta"] }),
    mountOf(operations, AdminService, admin, { pathPrefix: "/admin/v1", methods: Object.keys(admin) }),
  ];
  // The transport passes the result of `admit` to the handlers, whatever its type.
  return mounts as readonly Mount<Admission>[];
}

interface Differences {
  readonly pathPrefix?: string;
  /** Needed where the prefix does not determine it. */
  readonly ownPaths?: readonly string[];
  /** Only these methods are mounted; absent: all. */
  readonly methods?: readonly string[];
}

function mountOf<S extends DescService>(
  operations: Operations,
  service: S,
  handlers: ZitadelHandlers<S>,
  { pathPrefix = "", ownPaths = [pathPrefix], methods }: Differences,
): Mount<CallerAdmission> {
  const served = service.methods.filter(({ localName }) => localName in handlers);
  return {
    service,
    handlers: wrapHandlers(operations, service, handlers),
    options: {
      admit: createAdmit(operations, served),
      isAuthenticated: hasCaller,
      ...(methods === undefined ? {} : { methods }),
      rest: restPolicy({ pathPrefix, ownPaths, successStatuses: successStatusesOf(service) }),
      unknownFields: "ignore",
      describeError: keepOwnDetails,
    },
  };
}

/** The HTTP status of success where the descriptor names another one than 200. */
function successStatusesOf({ methods }: DescService): Readonly<Record<string, number>> {
  return Object.fromEntries(
    methods
      .filter((method) => hasOption(method, methodOptions))
      .map((method) => [method.localName, getOption(method, methodOptions).httpResponse?.successCode ?? 0] as const)
      .filter(([, status]) => status !== 0),
  );
}
