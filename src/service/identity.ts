/** The rule for ids of new things, as a check on a field of a request. */
import { idFault } from "../domain/identity.ts";
import { invalidField } from "./request.ts";

/** Throws FIELD_INVALID for an id that no new user or organization may have. */
export function assertId(field: string, id: string): void {
  const fault = idFault(id);
  if (fault !== undefined) throw invalidField(field, fault);
}
