/** The dialog of an act on many users: who, why, how far it is, and what failed and why. */
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { userPath } from "../../app/routes.ts";
import { Saving } from "../../leaving/leaving.tsx";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { T } from "../../texts/texts.ts";
import { toFailure } from "../../wire/failure.ts";
import { draftFor, faultsOf } from "../user/act-draft.ts";
import { ActForm } from "../user/act-form.tsx";
import type { ActName } from "../user/acts.ts";
import { nameOf } from "../user/state.tsx";
import { type Bulk, isStale, type Refused, useBulk } from "./use-bulk.ts";

const NAMES_SHOWN = 8;

/** The dialog. It is open as long as it is shown. */
export function BulkDialog({
  act,
  users,
  onClose,
}: {
  readonly act: ActName;
  readonly users: readonly User[];
  readonly onClose: () => void;
}): ReactNode {
  const [draft, setDraft] = useState(() => draftFor(act));
  const [isTried, setIsTried] = useState(false);
  const bulk = useBulk(act, users);
  const faults = faultsOf(draft);
  const submit = (): void => {
    setIsTried(true);
    if (faults.reasonCode === undefined && bulk.phase !== "running") void bulk.run(draft);
  };
  return (
    <Dialog
      open
      // While it runs, Escape stops it and shows what was done.
      onClose={bulk.phase === "running" ? bulk.stop : onClose}
      title={T.restricted.bulk.acts[act]?.(users.length)}
      lead={T.acts.leads[act]}
      onSubmit={submit}
      actions={<Actions act={act} bulk={bulk} onClose={onClose} />}
    >
      {bulk.phase === "running" && <Saving />}
      {bulk.phase === "deciding" ? (
        <>
          <Names users={users} />
          <ActForm act={act} draft={draft} faults={isTried ? faults : {}} onChange={setDraft} />
        </>
      ) : (
        <Report bulk={bulk} count={users.length} />
      )}
    </Dialog>
  );
}

function Actions({
  act,
  bulk,
  onClose,
}: {
  readonly act: ActName;
  readonly bulk: Bulk;
  readonly onClose: () => void;
}): ReactNode {
  const left = bulk.failed.length + bulk.waiting.length;
  if (bulk.phase === "running") {
    return (
      <Button key="stop" onClick={bulk.stop}>
        {T.restricted.bulk.stop}
      </Button>
    );
  }
  return (
    <>
      <Button key="close" onClick={onClose}>
        {bulk.phase === "over" ? T.close : T.cancel}
      </Button>
      {left > 0 && (
        <Button key="act" type="submit" kind="primary">
          {bulk.phase === "over" ? T.restricted.bulk.retry(left) : T.acts[act]}
        </Button>
      )}
    </>
  );
}

function Names({ users }: { readonly users: readonly User[] }): ReactNode {
  return (
    <section className="preview">
      <h3>{T.restricted.bulk.who}</h3>
      <ul>
        {users.slice(0, NAMES_SHOWN).map((user) => (
          <li key={user.userId}>
            <bdi>{nameOf(user)}</bdi>
          </li>
        ))}
        {users.length > NAMES_SHOWN && <li>{T.restricted.bulk.andMore(users.length - NAMES_SHOWN)}</li>}
      </ul>
      <p className="muted">{T.restricted.bulk.alone}</p>
    </section>
  );
}

function Report({ bulk, count }: { readonly bulk: Bulk; readonly count: number }): ReactNode {
  const { phase, done, failed, waiting } = bulk;
  const text = T.restricted.bulk;
  return (
    <div className="stack">
      {phase === "running" && (
        <>
          <progress className="progress" max={count} value={done.length + failed.length} aria-label={text.who} />
          <p role="status">{text.progress(done.length, count)}</p>
        </>
      )}
      {phase === "over" && (
        <p role="status">
          {text.done(done.length)} {waiting.length > 0 && text.stopped(waiting.length)}
        </p>
      )}
      {failed.length > 0 && (
        <div className="failure" role="alert">
          <p>{text.failed(failed.length)}</p>
          <ul className="refusals">
            {failed.map((refused) => (
              <RefusedItem key={refused.user.userId} {...refused} />
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function RefusedItem({ user, error }: Refused): ReactNode {
  const { sentence, reason, callId, isUnanswered } = toFailure(error);
  return (
    <li>
      <Link href={userPath(user.userId)}>
        <bdi>{nameOf(user)}</bdi>
      </Link>
      {": "}
      {isStale(error) ? T.restricted.bulk.changed : isUnanswered ? T.failures.lost : sentence}{" "}
      {reason !== "" && <code>{reason}</code>} {callId !== "" && <code className="muted">{callId}</code>}
    </li>
  );
}
