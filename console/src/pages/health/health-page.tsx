/** The health of the service, who the caller is for it, and whether the history is whole. */

import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { useQuery as usePlainQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { AdminService } from "../../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { readSettings } from "../../app/settings.ts";
import { Card, Facts, Tag } from "../../parts/card.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { utcTime } from "../../wire/time.ts";
import { History } from "./history.tsx";

const ASKED_EACH_MS = 10_000;
/** A smaller difference may be the way of the answer. */
const SKEW_SECONDS_SEEN = 2;

/** The page. */
export function HealthPage(): ReactNode {
  return (
    <>
      <h1>{T.health.title}</h1>
      <div className="stack-wide">
        <div className="columns columns-even">
          <ServiceCard />
          <CallerCard />
        </div>
        <History />
      </div>
    </>
  );
}

interface Readiness {
  readonly isReady: boolean;
  readonly text: string;
}

async function readReadiness(): Promise<Readiness> {
  const answer = await fetch("/readyz", { cache: "no-store" });
  return { isReady: answer.ok, text: (await answer.text()).trim() };
}

function ServiceCard(): ReactNode {
  const ready = usePlainQuery({ queryKey: ["readyz"], queryFn: readReadiness, refetchInterval: ASKED_EACH_MS });
  const settings = usePlainQuery({ queryKey: ["settings"], queryFn: readSettings, staleTime: 60_000 });
  const clock = useQuery(AdminService.method.whoAmI, {}, { refetchInterval: ASKED_EACH_MS });
  const { data } = ready;
  const isReady = data?.isReady === true && ready.error === null;
  const serverTime = clock.data?.serverTime && timestampDate(clock.data.serverTime).getTime();
  const why = ready.error === null ? data?.text : T.health.away;
  return (
    <Card
      level="h2"
      title={T.health.service}
      tone={ready.isPending ? undefined : isReady ? "good" : "bad"}
      aside={
        <span role="status">
          {!ready.isPending && (
            <Tag tone={isReady ? "good" : "bad"}>{isReady ? T.health.ready : T.health.notReady}</Tag>
          )}
        </span>
      }
    >
      <Facts
        of={[
          [T.health.why, isReady ? undefined : why],
          [T.health.version, settings.data?.version],
          [T.health.clock, serverTime && `${utcTime(serverTime)}, ${skewWords(serverTime - clock.dataUpdatedAt)}`],
        ]}
      />
    </Card>
  );
}

function skewWords(millis: number): string {
  const seconds = Math.round(millis / 1_000);
  return Math.abs(seconds) < SKEW_SECONDS_SEEN ? T.health.noSkew : T.health.skew(seconds);
}

function CallerCard(): ReactNode {
  const { who } = useSession();
  return (
    <Card level="h2" title={T.health.you}>
      <Facts
        of={[
          [T.health.actor, <bdi key="actor">{who.actor}</bdi>],
          [T.health.role, who.role],
          [T.health.scope, who.organizationId === "" ? T.account.whole : T.account.organization(who.organizationId)],
          [T.health.expires, <Time key="expires" at={who.expireTime} />],
          [T.health.permissions, who.permissions.join(", ")],
        ]}
      />
    </Card>
  );
}
