/** OrganizationService: makes, reads and changes the owners of users. */

import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { scopeExceeded } from "../../auth/actor.ts";
import {
  DEFAULT_LOCK_DURATION_MS,
  type Organization,
  type OrganizationCommand,
  organizationNotFound,
} from "../../domain/organization.ts";
import { RefusalError, shown } from "../../domain/refusal.ts";
import type { Store } from "../../store/store.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { assertId } from "../identity.ts";
import { mapInTurns } from "../in-turns.ts";
import {
  commandContext,
  executeOptions,
  invalidField,
  pageSizeOf,
  readScope,
  resourceOf,
  toDurationMs,
  toSequence,
} from "../request.ts";
import { toDetails, toDuration } from "./message/user-message.ts";

/** The handlers of lockkeeper.organization.v1.OrganizationService. */
export function organizationHandlers({
  store,
  newId,
}: {
  readonly store: Store;
  readonly newId: () => string;
}): ServiceHandlers<typeof pb.OrganizationService> {
  const change = async (call: ServiceCall, command: OrganizationCommand) => {
    const organization = resourceOf<OrganizationCommand>(await store.execute(command, executeOptions(call)));
    return { details: toOrganizationDetails(organization), organization: toMessage(organization) };
  };

  return {
    async createOrganization(request, call) {
      const { scope } = call.admission.actor;
      if (scope !== null) {
        throw new RefusalError(scopeExceeded("creating organizations needs a credential of the whole instance", scope));
      }
      const organizationId = request.organizationId === "" ? newId() : request.organizationId;
      assertId("organization_id", organizationId);
      const answer = await change(call, {
        type: "CreateOrganization",
        organizationId,
        displayName: request.displayName,
        ...(request.defaultLockDuration === undefined
          ? {}
          : { defaultLockDurationMs: toDurationMs(request.defaultLockDuration, "default_lock_duration") }),
        context: commandContext(call, request, ""),
      });
      return create(pb.CreateOrganizationResponseSchema, answer);
    },

    async getOrganization({ organizationId }, call) {
      const visible = readScope(call.admission.actor, organizationId) === organizationId;
      const organization = visible ? await store.readOrganization(organizationId) : undefined;
      if (organization === undefined) throw new RefusalError(organizationNotFound(organizationId));
      return create(pb.GetOrganizationResponseSchema, { organization: toMessage(organization) });
    },

    async listOrganizations(request, call) {
      const { scope } = call.admission.actor;
      if (scope !== null) {
        const own = request.pageToken === "" ? await store.readOrganization(scope) : undefined;
        return create(pb.ListOrganizationsResponseSchema, { organizations: own === undefined ? [] : [toMessage(own)] });
      }
      const page = await store.listOrganizations({
        pageSize: pageSizeOf(request.pageSize),
        ...(request.pageToken === "" ? {} : { after: request.pageToken }),
      });
      return create(pb.ListOrganizationsResponseSchema, {
        organizations: await mapInTurns(page.items, call, toMessage),
        nextPageToken: page.next ?? "",
      });
    },

    async updateOrganization(request, call) {
      const expectedSequence = toSequence(request.expectedSequence);
      const answer = await change(call, {
        type: "UpdateOrganization",
        organizationId: request.organizationId,
        ...updatedFields(request),
        ...(expectedSequence === undefined ? {} : { expectedSequence }),
        context: commandContext(call, request, ""),
      });
      return create(pb.UpdateOrganizationResponseSchema, answer);
    },
  };
}

/** The fields that an update may change, by the names that a mask may use. */
const UPDATABLE = new Map<string, "displayName" | "defaultLockDuration">([
  ["display_name", "displayName"],
  ["displayName", "displayName"],
  ["default_lock_duration", "defaultLockDuration"],
  ["defaultLockDuration", "defaultLockDuration"],
]);

/**
 * What the mask names, or, without one, what the request has a value for. Throws FIELD_INVALID for a mask that names what
 * is not there, and for values that it does not name.
 */
function updatedFields(request: pb.UpdateOrganizationRequest): {
  readonly displayName?: string;
  readonly defaultLockDurationMs?: number;
} {
  const allowed = "allowed are display_name and default_lock_duration";
  const { displayName, defaultLockDuration, updateMask } = request;
  const paths = updateMask?.paths ?? [];
  const present = [...UPDATABLE.values()].filter((field) => request[field] !== undefined);
  const named = new Set(paths.length === 0 ? present : []);
  if (paths.length + named.size === 0) {
    throw invalidField("update_mask", `is absent, and no field has a value; ${allowed}`);
  }
  for (const path of paths) {
    for (const field of path === "*" ? UPDATABLE.values() : [UPDATABLE.get(path)]) {
      if (field === undefined) throw invalidField("update_mask", `${shown(path)} names nothing; ${allowed}`);
      named.add(field);
    }
  }
  const idle = present.find((field) => request[field] !== "" && !named.has(field));
  if (idle !== undefined) {
    const { name } = pb.UpdateOrganizationRequestSchema.field[idle];
    throw invalidField(name, `has a value, but update_mask does not name ${name}`);
  }
  return {
    ...(named.has("displayName") ? { displayName: displayName ?? "" } : {}),
    ...(named.has("defaultLockDuration")
      ? {
          defaultLockDurationMs:
            defaultLockDuration === undefined
              ? DEFAULT_LOCK_DURATION_MS
              : toDurationMs(defaultLockDuration, "default_lock_duration"),
        }
      : {}),
  };
}

/** An organization owns itself: its id is also its resource owner. */
function toOrganizationDetails(organization: Organization) {
  return toDetails({ ...organization, organizationId: organization.id });
}

function toMessage(organization: Organization): pb.Organization {
  return create(pb.OrganizationSchema, {
    organizationId: organization.id,
    details: toOrganizationDetails(organization),
    displayName: organization.displayName,
    defaultLockDuration: toDuration(organization.defaultLockDurationMs),
  });
}
