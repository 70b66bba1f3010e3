/** The two filters that every list of events has: what happened, and who started it. */
import type { ReactNode } from "react";
import { INITIATORS } from "../../live/interest.ts";
import { SelectField } from "../../parts/field.tsx";
import { T } from "../../texts/texts.ts";
import { EVENT_TYPES, TYPE_GROUPS, type TypeGroup } from "./event-filter.ts";

/** What a user's own events can be. */
const OF_USERS: readonly TypeGroup[] = ["restrictions", "sessions", "accounts", "erasures"];

export interface FilterFieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Groups of types first, then each. `isOfUser`: only types of events that users have. */
export function TypeField({ value, onChange, isOfUser }: FilterFieldProps & { readonly isOfUser: boolean }): ReactNode {
  const groups = Object.keys(TYPE_GROUPS) as TypeGroup[];
  const offered = isOfUser ? OF_USERS : groups;
  const types = isOfUser ? EVENT_TYPES.filter((type) => OF_USERS.some((group) => isIn(group, type))) : EVENT_TYPES;
  return (
    <SelectField
      label={T.events.type}
      value={value}
      options={[
        { value: "", label: T.events.anyType },
        ...offered.map((group) => ({ value: group as string, label: T.events.groups[group] })),
        ...types.map((type) => ({ value: type, label: `– ${T.events.types[type] ?? type}` })),
      ]}
      onChange={onChange}
    />
  );
}

function isIn(group: TypeGroup, type: string): boolean {
  const types: readonly string[] = TYPE_GROUPS[group];
  return types.includes(type);
}

/** Who started it. */
export function InitiatorField({ value, onChange }: FilterFieldProps): ReactNode {
  return (
    <SelectField
      label={T.events.initiator}
      value={value}
      options={[
        { value: "", label: T.events.anyInitiator },
        ...INITIATORS.map((each) => ({ value: each as string, label: T.events.initiators[each] })),
      ]}
      onChange={onChange}
    />
  );
}
