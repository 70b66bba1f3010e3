/** The key that may exist although no answer said so: found by its name, to be revoked. */
import { createClient, type Transport } from "@connectrpc/connect";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type ApiKey, ApiKeyService } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { millisOf } from "../../wire/time.ts";

/** While the service is away, the list is asked for again after this time. */
const AGAIN_MS = 3_000;
const PAGE_SIZE = 1_000;

/** The newest key of that name that the caller created and nobody has used. `name`: as it was sent. */
export function LostKey({
  name,
  onRevoke,
}: {
  readonly name: string;
  readonly onRevoke: (apiKey: ApiKey) => void;
}): ReactNode {
  const { transport, who } = useSession();
  const { data: keys } = useQuery({
    queryKey: ["lost key"],
    queryFn: () => readKeys(transport),
    gcTime: 0,
    refetchInterval: ({ state }) => state.error !== null && AGAIN_MS,
  });
  if (keys === undefined) return null;
  const [newest] = keys
    .filter((key) => key.displayName === name && key.createdBy === who.actor)
    .filter((key) => key.lastUsedDay === "" && key.revokeTime === undefined)
    .sort((a, b) => createdAt(b) - createdAt(a));
  if (newest === undefined) return <p>{T.keys.lostNone}</p>;
  return (
    <div className="stack">
      <p>
        {T.keys.lostFound} <bdi>{newest.apiKeyId}</bdi>, <Time at={newest.details?.creationDate} />
      </p>
      <Button kind="danger" onClick={() => onRevoke(newest)}>
        {T.keys.lostRevoke}
      </Button>
    </div>
  );
}

function createdAt({ details }: ApiKey): number {
  return millisOf(details?.creationDate) ?? 0;
}

async function readKeys(transport: Transport): Promise<readonly ApiKey[]> {
  const client = createClient(ApiKeyService, transport);
  const keys: ApiKey[] = [];
  let pageToken = "";
  do {
    const page = await client.listApiKeys({ pageSize: PAGE_SIZE, pageToken });
    keys.push(...page.apiKeys);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return keys;
}
