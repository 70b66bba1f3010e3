/** Converts recorded events of organizations, API keys, policies and the instance to payloads of messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EventSchema } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import type { UserEvent } from "../../../domain/event.ts";
import type { DomainEvent } from "../../../store/commands.ts";
import { toDuration, toTimestamp } from "../../times.ts";
import { toValuesMessage } from "./policy-message.ts";

export type Payload = NonNullable<MessageInitShape<typeof EventSchema>["payload"]>;
export type ConfigurationEvent = Exclude<DomainEvent, UserEvent>;

/** Returns the payload of an event. Hashes of secrets stay out of it. */
export function toConfigurationPayload(event: ConfigurationEvent): Payload {
  switch (event.type) {
    case "OrganizationCreated":
      return { case: "organizationCreated", value: toOrganizationValue(event.data) };
    case "OrganizationUpdated":
      return { case: "organizationUpdated", value: toOrganizationValue(event.data) };
    case "ApiKeyCreated": {
      const { displayName, role, permissions, expireTime } = event.data;
      const expiry = expireTime === null ? {} : { expireTime: toTimestamp(expireTime) };
      return { case: "apiKeyCreated", value: { displayName, role, permissions: [...permissions], ...expiry } };
    }
    case "ApiKeyRotated":
      return { case: "apiKeyRotated", value: { earlierSecretsEndTime: toTimestamp(event.data.overlapEndTime) } };
    case "ApiKeyRevoked":
      return { case: "apiKeyRevoked", value: {} };
    case "PolicyUpdated":
      return { case: "policyUpdated", value: { values: toValuesMessage(event.data.values) } };
    case "PolicyReset":
      return { case: "policyReset", value: {} };
    case "GenerationRaised": {
      const { generation, previousGeneration } = event.data;
      const value = { generation: BigInt(generation), previousGeneration: BigInt(previousGeneration) };
      return { case: "generationRaised", value };
    }
    default:
      return event satisfies never;
  }
}

function toOrganizationValue(data: Extract<ConfigurationEvent, { type: "OrganizationUpdated" }>["data"]) {
  const { displayName, defaultLockDurationMs } = data;
  return {
    ...(displayName === undefined ? {} : { displayName }),
    ...(defaultLockDurationMs === undefined ? {} : { defaultLockDuration: toDuration(defaultLockDurationMs) }),
  };
}
