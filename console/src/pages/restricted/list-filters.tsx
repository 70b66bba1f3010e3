/** The filters that both lists have, and the button that reads them again. */
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { TextField } from "../../parts/field.tsx";
import { T } from "../../texts/texts.ts";

export interface ListFiltersProps {
  readonly organization: string;
  readonly reason: string;
  readonly onChange: (chosen: { readonly organization: string; readonly reason: string }) => void;
  readonly onRefresh: () => unknown;
  /** The filters that only this list has. */
  readonly children: ReactNode;
}

/** The filters. Texts are taken with Enter or the button, choices at once. */
export function ListFilters({ organization, reason, onChange, onRefresh, children }: ListFiltersProps): ReactNode {
  const { who } = useSession();
  const [draft, setDraft] = useState({ organization, reason });
  // The menu and the back button lead to other filters of the same list.
  useEffect(() => setDraft({ organization, reason }), [organization, reason]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const next = { organization: draft.organization.trim(), reason: draft.reason.trim().toUpperCase() };
    setDraft(next);
    if (next.organization === organization && next.reason === reason) void onRefresh();
    else onChange(next);
  };
  return (
    <form className="filters filters-list" onSubmit={submit}>
      {children}
      <TextField
        label={T.users.reason}
        value={draft.reason}
        maxLength={63}
        onChange={(event) => setDraft({ ...draft, reason: event.target.value })}
      />
      {who.organizationId === "" && (
        <TextField
          label={T.restricted.organization}
          value={draft.organization}
          placeholder={T.restricted.organizationAny}
          maxLength={200}
          onChange={(event) => setDraft({ ...draft, organization: event.target.value })}
        />
      )}
      <div className="filters-buttons">
        <Button type="submit">{T.restricted.refresh}</Button>
      </div>
    </form>
  );
}
