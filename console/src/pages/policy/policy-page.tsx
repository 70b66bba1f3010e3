/** The policy of the instance or of an organization. The address says whose. */
import { useQuery } from "@connectrpc/connect-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { OrganizationService } from "../../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { PolicyService } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { useAddress } from "../../app/address.ts";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { FailureNotice, Loading } from "../../parts/notice.tsx";
import { T } from "../../texts/texts.ts";
import { PolicyForm } from "./policy-form.tsx";

/** With more, the organization is typed. */
const ORGANIZATIONS_OFFERED = 200;

/** The page. */
export function PolicyPage(): ReactNode {
  const { who } = useSession();
  const [address, setAddress] = useAddress();
  const asked = address.get("organization") ?? "";
  const organizationId = who.organizationId || asked;
  const [, renderAgain] = useState({});
  const choose = (id: string): void => {
    setAddress(id === "" ? {} : { organization: id });
    // Who is asked first may stay: then the control shows whose policy it is, and not what was chosen.
    renderAgain({});
  };
  return (
    <>
      <h1>{T.policy.title}</h1>
      <p className="lead">{T.policy.lead}</p>
      {who.organizationId === "" && <WhosePolicy key={asked} organizationId={asked} onChoose={choose} />}
      {/* Who agreed to leave for another address lost what was typed, also where that shows the same policy. */}
      <ReadPolicy key={address.toString()} organizationId={organizationId} />
    </>
  );
}

interface WhosePolicyProps {
  readonly organizationId: string;
  readonly onChoose: (organizationId: string) => void;
}

function WhosePolicy({ organizationId, onChoose }: WhosePolicyProps): ReactNode {
  const { may } = useSession();
  const { data, isLoading } = useQuery(
    OrganizationService.method.listOrganizations,
    { pageSize: ORGANIZATIONS_OFFERED },
    { enabled: may("org.read") },
  );
  if (isLoading) return null;
  const isWhole = data !== undefined && data.nextPageToken === "";
  const offered = isWhole ? data.organizations : [];
  const isOffered = organizationId === "" || offered.some((each) => each.organizationId === organizationId);
  if (!isWhole || !isOffered) return <TypedOrganization organizationId={organizationId} onChoose={onChoose} />;
  return (
    <div className="filters filters-list">
      <SelectField
        label={T.policy.of}
        value={organizationId}
        options={[
          { value: "", label: T.policy.ofInstance },
          ...offered.map((each) => ({
            value: each.organizationId,
            label: T.policy.ofOrganization(each.displayName, each.organizationId),
          })),
        ]}
        onChange={onChoose}
      />
    </div>
  );
}

function TypedOrganization({ organizationId, onChoose }: WhosePolicyProps): ReactNode {
  const [text, setText] = useState(organizationId);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onChoose(text.trim());
  };
  return (
    <form className="filters filters-list" onSubmit={submit}>
      <TextField
        label={T.policy.organizationId}
        value={text}
        maxLength={200}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="filters-buttons">
        <Button type="submit">{T.policy.show}</Button>
      </div>
    </form>
  );
}

function ReadPolicy({ organizationId }: { readonly organizationId: string }): ReactNode {
  const { data, error, isFetchedAfterMount, refetch } = useQuery(
    PolicyService.method.getPolicy,
    { organizationId },
    // While somebody types, the form must not change under the hands: so it is not shown as it was at an earlier visit, either.
    { staleTime: 0, refetchOnWindowFocus: false, refetchOnReconnect: false },
  );
  if (error !== null && data === undefined) return <FailureNotice error={error} onRetry={refetch} />;
  if (!isFetchedAfterMount || data?.policy === undefined) return <Loading />;
  const { policy } = data;
  return <PolicyForm key={String(policy.details?.sequence)} policy={policy} onChange={refetch} />;
}
