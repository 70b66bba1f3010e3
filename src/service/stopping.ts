/** The refusal of calls that end because the service stops. */
import { type Refusal, refuse } from "../domain/refusal.ts";

/** Returns SERVICE_STOPPING. `metadata`: where to go on, if the call can. */
export function serviceStopping(message: string, metadata: Readonly<Record<string, string>> = {}): Refusal {
  return refuse("SERVICE_STOPPING", message, { metadata });
}
