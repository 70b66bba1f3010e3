/** The proof of the history: the last checkpoint, and a verification with its progress. */
import { useQuery } from "@connectrpc/connect-query";
import { type ReactNode, useState } from "react";
import { HistoryService, type VerifyReport } from "../../../../gen/lockkeeper/event/v1/history_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { Card, Facts } from "../../parts/card.tsx";
import { CopyButton } from "../../parts/copy-button.tsx";
import { TextArea } from "../../parts/field.tsx";
import { FailureNotice } from "../../parts/notice.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { useVerification } from "./use-verification.ts";

/** The part of the page. */
export function History(): ReactNode {
  const { who, may, missing } = useSession();
  const whyNot = missing("events.read") ?? (who.organizationId === "" ? undefined : T.health.needsWhole);
  return (
    <Card level="h2" title={T.health.history}>
      <p className="muted">{T.health.historyLead}</p>
      {may("events.read") && who.organizationId === "" && <LastCheckpoint />}
      <Verify whyNot={whyNot} />
    </Card>
  );
}

function LastCheckpoint(): ReactNode {
  const { data, error } = useQuery(HistoryService.method.listCheckpoints, { pageSize: 1 });
  if (error !== null) return <FailureNotice error={error} />;
  if (data === undefined) return null;
  const [last] = data.checkpoints;
  return (
    <Facts
      of={[
        [
          T.health.checkpoint,
          last === undefined ? (
            T.health.noCheckpoint
          ) : (
            <>
              <Time at={last.time} /> {T.health.position(last.position)}
              <CopyButton text={last.note} what={T.health.checkpoint} />
            </>
          ),
        ],
        [
          T.health.keys,
          data.verifierKeys.length > 0 &&
            data.verifierKeys.map((key) => (
              <span key={key} className="verifier-key">
                <code>{key}</code>
                <CopyButton text={key} what={T.health.keys} />
              </span>
            )),
        ],
      ]}
    />
  );
}

function Verify({ whyNot }: { readonly whyNot: string | undefined }): ReactNode {
  const [kept, setKept] = useState("");
  const { phase, position, total, report, error, run, stop } = useVerification();
  return (
    <div className="stack">
      {whyNot === undefined && (
        <TextArea
          label={T.health.kept}
          hint={T.health.keptHint}
          maxLength={8192}
          spellCheck={false}
          value={kept}
          onChange={(event) => setKept(event.target.value)}
        />
      )}
      <div className="buttons">
        <Button missing={whyNot} busy={phase === "running"} onClick={() => void run(kept)}>
          {T.health.verify}
        </Button>
        {phase === "running" && <Button onClick={stop}>{T.health.stop}</Button>}
      </div>
      {phase === "running" && (
        <div role="status" className="stack">
          <progress
            className="progress"
            aria-label={T.health.verify}
            max={1}
            value={total === 0n ? 0 : Number(position) / Number(total)}
          />
          {T.health.progress(position, total)}
        </div>
      )}
      {phase === "stopped" && <p role="status">{T.health.stopped}</p>}
      {phase === "broken" && (
        <p role="alert" className="failure">
          {T.health.broken}
        </p>
      )}
      {error !== undefined && <FailureNotice error={error} />}
      {report !== undefined && <Report report={report} />}
    </div>
  );
}

function Report({ report }: { readonly report: VerifyReport }): ReactNode {
  const { events, links, checkpoints, faults, unknownSigners } = report;
  return (
    <div className="stack">
      {faults.length === 0 ? (
        <p role="status" className="success">
          {T.health.whole(events, links, checkpoints)}
        </p>
      ) : (
        <p role="alert" className="failure">
          {T.health.faults(faults.length)}
        </p>
      )}
      {unknownSigners.length > 0 && <p className="warning">{T.health.unknownSigners(unknownSigners.length)}</p>}
      {faults.length > 0 && (
        <Table
          caption={T.health.faultCaption}
          rows={faults}
          keyOf={({ position, fault }) => `${position} ${fault}`}
          columns={[
            { id: "position", head: T.health.faultColumns.position, cell: ({ position }) => position.toString() },
            { id: "fault", head: T.health.faultColumns.fault, cell: ({ fault }) => <bdi>{fault}</bdi> },
          ]}
        />
      )}
    </div>
  );
}
