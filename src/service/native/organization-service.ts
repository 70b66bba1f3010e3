/** OrganizationService: creates, reads and changes the owners of users. Message → operation → message. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { DEFAULT_LOCK_DURATION_MS, type Organization } from "../../domain/organization.ts";
import { invalidField } from "../../domain/refusal.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { mapInTurns } from "../in-turns.ts";
import { pageOf } from "../operations/caller.ts";
import {
  type OrganizationChange,
  type OrganizationOperations,
  refuseUnknownOrganization,
} from "../operations/organizations.ts";
import { toDuration, toDurationMs } from "../times.ts";
import { toDetails } from "./message/user-message.ts";
import { termsOf, toSequence } from "./request.ts";
import { namedFields } from "./update-mask.ts";

type ChangeRequest = pb.CreateOrganizationRequest | pb.UpdateOrganizationRequest;

/** The handlers of lockkeeper.organization.v1.OrganizationService. */
export function organizationHandlers(
  operations: OrganizationOperations,
): ServiceHandlers<typeof pb.OrganizationService> {
  const change = async (request: ChangeRequest, call: ServiceCall, asked: OrganizationChange) => {
    const organization = await operations.changeOrganization(asked, call, termsOf(call, request));
    return { details: toOrganizationDetails(organization), organization: toMessage(organization) };
  };

  return {
    async createOrganization(request, call) {
      const { organizationId, displayName, defaultLockDuration } = request;
      const answer = await change(request, call, {
        type: "CreateOrganization",
        organizationId,
        displayName,
        ...(defaultLockDuration === undefined
          ? {}
          : { defaultLockDurationMs: toDurationMs(defaultLockDuration, "default_lock_duration") }),
      });
      return create(pb.CreateOrganizationResponseSchema, answer);
    },

    async getOrganization({ organizationId }, call) {
      const organization = await operations.readOrganization(organizationId, call.admission.actor.scope);
      if (organization === undefined) refuseUnknownOrganization(organizationId);
      return create(pb.GetOrganizationResponseSchema, { organization: toMessage(organization) });
    },

    async listOrganizations(request, call) {
      const page = await operations.listOrganizations(pageOf(request), call);
      return create(pb.ListOrganizationsResponseSchema, {
        organizations: await mapInTurns(page.items, call, toMessage),
        nextPageToken: page.next ?? "",
      });
    },

    async updateOrganization(request, call) {
      const expectedSequence = toSequence(request.expectedSequence);
      const answer = await change(request, call, {
        type: "UpdateOrganization",
        organizationId: request.organizationId,
        ...updatedFields(request),
        ...(expectedSequence === undefined ? {} : { expectedSequence }),
      });
      return create(pb.UpdateOrganizationResponseSchema, answer);
    },
  };
}

/** The fields that an update may change, by the names that a mask may contain. */
const UPDATABLE = new Map<string, "displayName" | "defaultLockDuration">([
  ["display_name", "displayName"],
  ["displayName", "displayName"],
  ["default_lock_duration", "defaultLockDuration"],
  ["defaultLockDuration", "defaultLockDuration"],
]);

/**
 * Returns the values of an update. Throws FIELD_INVALID for a mask with unknown names, and for values that the mask
 * does not name.
 */
function updatedFields(request: pb.UpdateOrganizationRequest): {
  readonly displayName?: string;
  readonly defaultLockDurationMs?: number;
} {
  const allowed = "allowed are display_name and default_lock_duration";
  const { displayName, defaultLockDuration, updateMask } = request;
  const present = [...UPDATABLE.values()].filter((field) => request[field] !== undefined);
  const named = namedFields(updateMask?.paths ?? [], { byPath: UPDATABLE, present, allowed });
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

/** Returns the details. An organization owns itself: its id is also its resource owner. */
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
