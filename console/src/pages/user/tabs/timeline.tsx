/** The tab with all that happened to a user. */
import type { ReactNode } from "react";
import { useAddress } from "../../../app/address.ts";
import { addressOf, filterIn, interestOf } from "../../events/event-filter.ts";
import { EventList } from "../../events/event-list.tsx";
import { InitiatorField, TypeField } from "../../events/filter-fields.tsx";
import type { UserTabProps } from "../user-tab.ts";

/** The tab. */
export function Timeline({ user }: UserTabProps): ReactNode {
  const [address, setAddress] = useAddress();
  const { type, by } = filterIn(address);
  const set = (name: "type" | "by", value: string): void => setAddress(addressOf({ type, by, [name]: value }));
  const interest = interestOf({ ...filterIn(new URLSearchParams()), type, by, user: user.userId });
  return (
    <>
      <search className="filters event-filters">
        <TypeField value={type} isOfUser onChange={(value) => set("type", value)} />
        <InitiatorField value={by} onChange={(value) => set("by", value)} />
      </search>
      <EventList interest={interest} isOwn isFiltered={type !== "" || by !== ""} />
    </>
  );
}
