/** The API keys in the caller's scope, and what can be done with them. */

import { useInfiniteQuery } from "@connectrpc/connect-query";
import { type ReactNode, useState } from "react";
import { type ApiKey, ApiKeyService } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { PAGED, useList } from "../../live/lists.ts";
import { Button } from "../../parts/button.tsx";
import { Tag } from "../../parts/card.tsx";
import { CheckField } from "../../parts/field.tsx";
import { Empty, FailureNotice, Loading } from "../../parts/notice.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";
import { millisOf, now } from "../../wire/time.ts";
import { CreateKeyDialog } from "./create-key-dialog.tsx";
import { keyName, keyStateOf, scopeOf } from "./key-words.ts";
import { RevokeKeyDialog } from "./revoke-key-dialog.tsx";
import { RotateKeyDialog } from "./rotate-key-dialog.tsx";

const PAGE_SIZE = 100;

interface Open {
  readonly act: "create" | "rotate" | "revoke";
  readonly key: ApiKey | undefined;
}

/** The page. */
export function KeysPage(): ReactNode {
  const { missing } = useSession();
  const [open, setOpen] = useState<Open>();
  const close = (): void => setOpen(undefined);
  return (
    <>
      <header className="page-head">
        <h1>{T.keys.title}</h1>
        <Button
          kind="primary"
          missing={missing("key.write")}
          onClick={() => setOpen({ act: "create", key: undefined })}
        >
          {T.keys.create}
        </Button>
      </header>
      <p className="lead">{T.keys.lead}</p>
      <Listed onOpen={setOpen} />
      {open?.act === "create" && <CreateKeyDialog onClose={close} />}
      {open?.act === "rotate" && open.key && <RotateKeyDialog apiKey={open.key} onClose={close} />}
      {open?.act === "revoke" && open.key && <RevokeKeyDialog apiKey={open.key} onClose={close} />}
    </>
  );
}

function Listed({ onOpen }: { readonly onOpen: (open: Open) => void }): ReactNode {
  const [showsOver, setShowsOver] = useState(false);
  const query = useInfiniteQuery(ApiKeyService.method.listApiKeys, { pageSize: PAGE_SIZE, pageToken: "" }, PAGED);
  const { data, error, isPending, refetch } = query;
  const { rows: keys, more } = useList(query, data?.pages.flatMap(({ apiKeys }) => apiKeys) ?? []);
  if (error !== null && !query.isFetchNextPageError) return <FailureNotice error={error} onRetry={refetch} />;
  if (isPending) return <Loading />;
  const rows = keys.filter((key) => showsOver || keyStateOf(key, now()) === "valid");
  return (
    <div className="stack">
      <CheckField
        label={T.keys.showOver}
        checked={showsOver}
        onChange={(event) => setShowsOver(event.target.checked)}
      />
      {rows.length === 0 && !query.hasNextPage ? (
        <Empty title={T.keys.noneTitle}>{T.keys.noneText}</Empty>
      ) : (
        <Table
          caption={T.keys.caption}
          columns={[...COLUMNS, actColumn(onOpen)]}
          rows={rows}
          keyOf={({ apiKeyId }) => apiKeyId}
          more={more}
        />
      )}
    </div>
  );
}

const COLUMNS: readonly Column<ApiKey>[] = [
  { id: "key", head: T.keys.columns.key, cell: (key) => <KeyCell apiKey={key} /> },
  {
    id: "may",
    head: T.keys.columns.may,
    cell: ({ role, permissions }) => (
      <span title={permissions.join(", ")}>{role || T.keys.permissions(permissions.length)}</span>
    ),
    wide: true,
  },
  { id: "scope", head: T.keys.columns.scope, cell: (key) => <bdi>{scopeOf(key)}</bdi>, wide: true },
  { id: "expires", head: T.keys.columns.expires, cell: ({ expireTime }) => <Time at={expireTime} />, wide: true },
  { id: "used", head: T.keys.columns.used, cell: ({ lastUsedDay }) => lastUsedDay || T.keys.neverUsed, wide: true },
];

function actColumn(onOpen: (open: Open) => void): Column<ApiKey> {
  return { id: "act", head: T.keys.columns.act, cell: (key) => <ActCell apiKey={key} onOpen={onOpen} /> };
}

function KeyCell({ apiKey }: { readonly apiKey: ApiKey }): ReactNode {
  const { who } = useSession();
  const state = keyStateOf(apiKey, now());
  const overlap = millisOf(apiKey.earlierSecretsEndTime) ?? 0;
  return (
    <div className="user-cell">
      <span className="links">
        <bdi className="user-cell-title">{keyName(apiKey)}</bdi>
        {state !== "valid" && <Tag tone={state === "revoked" ? "bad" : "calm"}>{T.keys.states[state]}</Tag>}
        {apiKey.apiKeyId === who.apiKeyId && <Tag tone="good">{T.keys.own}</Tag>}
      </span>
      <bdi className="user-cell-id">{apiKey.apiKeyId}</bdi>
      {state === "valid" && overlap > now() && (
        <span className="user-cell-id">
          {T.keys.overlap} <Time at={apiKey.earlierSecretsEndTime} />
        </span>
      )}
    </div>
  );
}

function ActCell({ apiKey, onOpen }: { readonly apiKey: ApiKey; readonly onOpen: (open: Open) => void }): ReactNode {
  const { missing } = useSession();
  const state = keyStateOf(apiKey, now());
  const name = isolate(keyName(apiKey));
  if (state === "revoked") return null;
  const isOver = state === "expired" ? T.keys.isOver : undefined;
  return (
    <span className="buttons row-buttons">
      <Button
        missing={missing("key.write") ?? isOver}
        aria-label={T.keys.rotateOf(name)}
        onClick={() => onOpen({ act: "rotate", key: apiKey })}
      >
        {T.keys.rotate}
      </Button>
      <Button
        missing={missing("key.write")}
        aria-label={T.keys.revokeOf(name)}
        onClick={() => onOpen({ act: "revoke", key: apiKey })}
      >
        {T.keys.revoke}
      </Button>
    </span>
  );
}
