/** The handlers of zitadel.resources.user.v3alpha.ZITADELUsers, which answer a wrong state and a missing user alike. */
import type { Organization } from "@zitadel/proto/zitadel/object/v3alpha/object_pb.js";
import type { ZITADELUsers } from "@zitadel/proto/zitadel/resources/user/v3alpha/user_service_pb.js";
import { NOWHERE, type Operations } from "../../../service/operations/operations.ts";
import { createUser, personOfV3, TAKEN } from "../users/new-user.ts";
import { type Act, createChangeUser } from "../users/user-change.ts";
import { toDetailsV3 } from "../users/user-message.ts";
import { organizationOf, type ZitadelCall, type ZitadelHandlers } from "../wire/handler.ts";

/** What the state calls carry: the user, and where it is expected to be. */
interface StateRequest {
  readonly id: string;
  readonly organization?: Organization | undefined;
}

/** Returns the methods of v3alpha that ZITADEL serves; it does not serve GetUser and SearchUsers either. */
export function usersHandlers(operations: Operations): ZitadelHandlers<typeof ZITADELUsers> {
  const changeUser = createChangeUser(operations, "v3alpha");
  const change =
    (act: Act) =>
    async ({ id, organization }: StateRequest, call: ZitadelCall) => ({
      details: toDetailsV3(await changeUser(act, { userId: id, within: expected(organization) }, call)),
    });
  return {
    lockUser: change("lock"),
    unlockUser: change("unlock"),
    deactivateUser: change("deactivate"),
    activateUser: change("reactivate"),
    deleteUser: change("delete"),

    async createUser(request, call) {
      const newUser = {
        userId: request.user?.userId,
        organizationId: call.admission.organizationId,
        person: personOfV3(request),
        taken: TAKEN.v3alpha,
      };
      return { details: toDetailsV3(await createUser(operations, newUser, call)) };
    },
  };
}

/** The organization in which the user is expected. `null`: any. */
function expected(organization: Organization | undefined): string | null {
  const named = organizationOf(organization);
  if (named === undefined) return null;
  return named === "none" ? NOWHERE : named.id;
}
