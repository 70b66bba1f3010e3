/** The organizations that the caller may see. */

import { durationMs } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import {
  type Organization,
  OrganizationService,
} from "../../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { PAGED, useList } from "../../live/lists.ts";
import { Button } from "../../parts/button.tsx";
import { Empty, FailureNotice, Loading } from "../../parts/notice.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";
import { durationWords } from "../../wire/duration.ts";
import { OrganizationDialog, organizationName } from "./organization-dialog.tsx";

const PAGE_SIZE = 100;

/** The page. */
export function OrganizationsPage(): ReactNode {
  const { who, missing } = useSession();
  const [open, setOpen] = useState<Organization | "new">();
  const query = useInfiniteQuery(
    OrganizationService.method.listOrganizations,
    { pageSize: PAGE_SIZE, pageToken: "" },
    PAGED,
  );
  const whyNot = missing("org.write") ?? (who.organizationId === "" ? undefined : T.organizations.wholeOnly);
  return (
    <>
      <header className="page-head">
        <h1>{T.organizations.title}</h1>
        <Button kind="primary" missing={whyNot} onClick={() => setOpen("new")}>
          {T.organizations.create}
        </Button>
      </header>
      <p className="lead">{T.organizations.lead}</p>
      <Listed query={query} onEdit={setOpen} />
      {open !== undefined && (
        <OrganizationDialog organization={open === "new" ? undefined : open} onClose={() => setOpen(undefined)} />
      )}
    </>
  );
}

interface ListedProps {
  readonly query: ReturnType<
    typeof useInfiniteQuery<
      typeof OrganizationService.method.listOrganizations.input,
      typeof OrganizationService.method.listOrganizations.output,
      "pageToken"
    >
  >;
  readonly onEdit: (organization: Organization) => void;
}

function Listed({ query, onEdit }: ListedProps): ReactNode {
  const { may, missing } = useSession();
  const { data, error, isPending, refetch } = query;
  const { rows, more } = useList(query, data?.pages.flatMap(({ organizations }) => organizations) ?? []);
  if (error !== null && !query.isFetchNextPageError) return <FailureNotice error={error} onRetry={refetch} />;
  if (isPending) return <Loading />;
  if (rows.length === 0) return <Empty title={T.organizations.noneTitle}>{T.organizations.noneText}</Empty>;
  const columns: readonly Column<Organization>[] = [
    { id: "name", head: T.organizations.columns.name, cell: (each) => <NameCell organization={each} /> },
    { id: "lock", head: T.organizations.columns.lock, cell: lockWords, wide: true },
    {
      id: "created",
      head: T.organizations.columns.created,
      cell: ({ details }) => <Time at={details?.creationDate} />,
      wide: true,
    },
    {
      id: "more",
      head: T.organizations.columns.more,
      cell: ({ organizationId }) => (
        <span className="links">
          {may("policy.read") && <Link href={linkTo("/policy", organizationId)}>{T.organizations.policy}</Link>}
          {may("user.read") && <Link href={linkTo("/locked", organizationId)}>{T.organizations.locked}</Link>}
          {may("events.read") && <Link href={linkTo("/events", organizationId)}>{T.nav.events}</Link>}
        </span>
      ),
    },
    {
      id: "edit",
      head: T.organizations.columns.edit,
      cell: (each) => (
        <Button
          missing={missing("org.write")}
          aria-label={T.organizations.editOf(isolate(organizationName(each)))}
          onClick={() => onEdit(each)}
        >
          {T.organizations.edit}
        </Button>
      ),
    },
  ];
  return (
    <Table
      caption={T.organizations.caption}
      columns={columns}
      rows={rows}
      keyOf={({ organizationId }) => organizationId}
      more={more}
    />
  );
}

function NameCell({ organization }: { readonly organization: Organization }): ReactNode {
  return (
    <div className="user-cell">
      <bdi className="user-cell-title">{organizationName(organization)}</bdi>
      {organization.displayName !== "" && <bdi className="user-cell-id">{organization.organizationId}</bdi>}
    </div>
  );
}

function lockWords({ defaultLockDuration }: Organization): string {
  return defaultLockDuration === undefined ? "" : durationWords(durationMs(defaultLockDuration) / 1_000);
}

function linkTo(page: string, organization: string): string {
  return `${page}?${new URLSearchParams({ organization })}`;
}
