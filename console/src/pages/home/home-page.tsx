/** The first page: who the caller is, where to begin, and what the caller may do. */
import { useQuery } from "@connectrpc/connect-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Link, useLocation } from "wouter";
import { State } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { PERMISSIONS, type Permission } from "../../app/permissions.ts";
import { NAV, type NavItem } from "../../app/routes.ts";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { TextField } from "../../parts/field.tsx";
import { Empty } from "../../parts/notice.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { now, timestampOf } from "../../wire/time.ts";

/** The page. */
export function HomePage(): ReactNode {
  const { who, may } = useSession();
  const pages = NAV.filter(({ href, permission }) => href !== "/" && (permission === undefined || may(permission)));
  return (
    <>
      <h1>
        <bdi>{T.home.title(who.displayName || who.actor)}</bdi>
      </h1>
      <p className="lead">
        {who.organizationId === "" ? T.home.whole : T.home.organization(who.organizationId)}{" "}
        {who.role !== "" && T.home.role(who.role)}{" "}
        {who.expireTime !== undefined && (
          <>
            {T.home.expires} <Time at={who.expireTime} relative />.
          </>
        )}
      </p>
      <div className="stack-wide">
        {may("user.read") ? <FindUser /> : <Empty title={T.home.nothing}>{T.home.nothingText}</Empty>}
        <nav aria-label={T.home.pages} className="tiles">
          {pages.map((page) => (
            <PageTile key={page.href} page={page} />
          ))}
        </nav>
        <div className="columns">
          <PermissionList title={T.home.may} permissions={PERMISSIONS.filter((each) => may(each))} />
          <PermissionList title={T.home.mayNot} permissions={PERMISSIONS.filter((each) => !may(each))} />
        </div>
      </div>
    </>
  );
}

function FindUser(): ReactNode {
  const [text, setText] = useState("");
  const [, navigate] = useLocation();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const q = text.trim();
    navigate(q === "" ? "/users" : `/users?${new URLSearchParams({ q })}`);
  };
  return (
    <search>
      <form className="find" onSubmit={submit}>
        <TextField
          label={T.home.find}
          hint={T.home.findHint}
          type="search"
          placeholder={T.users.placeholder}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button type="submit" kind="primary">
          {T.users.submit}
        </Button>
      </form>
    </search>
  );
}

function PageTile({ page }: { readonly page: NavItem }): ReactNode {
  return (
    <Link href={page.href} className="tile">
      <span className="tile-title">{page.label}</span>
      <span className="muted">{T.home.leads[page.href]}</span>
      {page.href === "/locked" && <LockedCounts />}
      {page.href === "/ending" && <EndingCount />}
    </Link>
  );
}

function LockedCounts(): ReactNode {
  return (
    <span className="tile-counts">
      <Count label={T.home.counts.locked} of={{ states: [State.LOCKED] }} />
      <Count label={T.home.counts.banned} of={{ states: [State.BANNED] }} />
    </span>
  );
}

const HOUR_MS = 3_600_000;

function EndingCount(): ReactNode {
  const [dueBefore] = useState(() => timestampOf(now() + HOUR_MS));
  return (
    <span className="tile-counts">
      <Count label={T.home.counts.ending} of={{ dueBefore }} />
    </span>
  );
}

/** More are counted as "or more": a count is one small page. */
const COUNTED_MAX = 100;

type Counted = { readonly states: State[] } | { readonly dueBefore: ReturnType<typeof timestampOf> };

function Count({ label, of }: { readonly label: string; readonly of: Counted }): ReactNode {
  const { data } = useQuery(UserService.method.listUsers, { ...of, pageSize: COUNTED_MAX });
  if (data === undefined) return null;
  return (
    <span>
      <b>{T.home.orMore(data.users.length, data.nextPageToken === "")}</b> {label}
    </span>
  );
}

function PermissionList({
  title,
  permissions,
}: {
  readonly title: string;
  readonly permissions: readonly Permission[];
}): ReactNode {
  if (permissions.length === 0) return null;
  return (
    <section className="stack">
      <h2>{title}</h2>
      <ul className="permissions">
        {permissions.map((permission) => (
          <li key={permission}>
            {T.home.permissions[permission]} <code className="muted">{permission}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}
