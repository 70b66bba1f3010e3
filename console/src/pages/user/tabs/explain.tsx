/** The tab that answers: why can’t this user sign in, and what would let the user in? */
import { useQuery } from "@connectrpc/connect-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Restriction } from "../../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { SignInService } from "../../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { State, type User } from "../../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { userPath } from "../../../app/routes.ts";
import { useSession } from "../../../app/session.tsx";
import { Button } from "../../../parts/button.tsx";
import { Card } from "../../../parts/card.tsx";
import { FailureNotice, Loading } from "../../../parts/notice.tsx";
import { Time } from "../../../parts/time.tsx";
import { T } from "../../../texts/texts.ts";
import { ACTS, actsFor, liftOf } from "../acts.ts";
import { endOf, restrictionName, restrictionNames, StateSentence, toneOf } from "../state.tsx";
import type { UserTabProps } from "../user-tab.ts";
import { isFailure } from "./attempt-tally.tsx";
import { FailedAttempts, useNewestAttempts } from "./failed-attempts.tsx";

const TEXTS = T.tabs.explain;

/** The tab. */
export function Explain({ user, onAct }: UserTabProps): ReactNode {
  if (user.state === State.DELETED) {
    return (
      <Card title={TEXTS.refused} tone="calm">
        <p>{TEXTS.deleted}</p>
      </Card>
    );
  }
  return <Answer user={user} onAct={onAct} />;
}

function Answer({ user, onAct }: UserTabProps): ReactNode {
  const { data, error, isPending, refetch } = useQuery(SignInService.method.checkSignIn, { userId: user.userId });
  if (error !== null) return <FailureNotice error={error} onRetry={refetch} />;
  const decision = data?.decision;
  if (isPending || decision === undefined) return <Loading />;
  const inForce = user.restrictions.filter(({ scheduled }) => scheduled !== true);
  const scheduled = user.restrictions.filter((each) => each.scheduled === true);
  return (
    <div className="stack">
      <h2>{TEXTS.title}</h2>
      <Card title={decision.allowed ? TEXTS.allowed : TEXTS.refused} tone={toneOf(user.state)}>
        <p>
          <StateSentence user={user} />
        </p>
        {decision.text !== "" && (
          <p className="card-foot">
            {TEXTS.saidToPerson}: <q>{decision.text}</q>
          </p>
        )}
      </Card>
      {decision.allowed ? <Elsewhere user={user} /> : <Ways user={user} restrictions={inForce} onAct={onAct} />}
      {scheduled.map((each) => (
        <Card key={each.restrictionId} title={restrictionName(each)} tone="warn">
          <p>
            <Time at={each.startTime} />. {TEXTS.scheduledThen}
          </p>
        </Card>
      ))}
      <FailedAttempts user={user} attemptsLeft={decision.attemptsLeft} locks={inForce} />
    </div>
  );
}

/** What would let the user in: each restriction with what lifts it, and when all end by themselves. */
function Ways({
  user,
  restrictions,
  onAct,
}: {
  readonly user: User;
  readonly restrictions: readonly Restriction[];
  readonly onAct: UserTabProps["onAct"];
}): ReactNode {
  const { missing } = useSession();
  const endless = restrictions.filter(({ expireTime }) => expireTime === undefined);
  const last = restrictions.toSorted((a, b) => endOf(b) - endOf(a))[0];
  const lifts = actsFor(user).filter((act) => restrictions.some((each) => liftOf(each) === act));
  return (
    <Card title={TEXTS.whatHelps}>
      <ul className="tally">
        {restrictions.map((each) => (
          <li key={each.restrictionId}>
            <span>{restrictionName(each)}</span>
            <span className="muted">
              {TEXTS.endsBy} <Time at={each.expireTime} />
            </span>
          </li>
        ))}
      </ul>
      <p>
        {endless.length > 0 ? (
          `${TEXTS.onlyByHand} ${restrictionNames(endless)}.`
        ) : (
          <>
            {TEXTS.waitUntil} <Time at={last?.expireTime} /> (<Time at={last?.expireTime} relative />
            ).
          </>
        )}
      </p>
      <div className="bar-start">
        {lifts.map((lift, index) => (
          <Button
            key={lift}
            kind={index === 0 ? "primary" : "plain"}
            missing={missing(ACTS[lift].permission)}
            onClick={() => onAct(lift)}
          >
            {T.acts[lift]}
          </Button>
        ))}
      </div>
    </Card>
  );
}

/** The user may sign in, and yet somebody asks. */
function Elsewhere({ user }: { readonly user: User }): ReactNode {
  const { may } = useSession();
  const attempts = useNewestAttempts(user.userId);
  const failures = attempts?.filter(isFailure).length ?? 0;
  const [newest] = attempts ?? [];
  const hints = [
    attempts?.length === 0 && TEXTS.hintNone,
    newest !== undefined && isFailure(newest) && TEXTS.hintWrong(failures),
    newest !== undefined && !isFailure(newest) && TEXTS.hintFine,
    TEXTS.hintSessions,
  ];
  return (
    <Card title={TEXTS.allowedHints}>
      <ul className="hints">
        {hints
          .filter((hint) => typeof hint === "string")
          .map((hint) => (
            <li key={hint}>{hint}</li>
          ))}
      </ul>
      {may("events.read") && <Link href={userPath(user.userId, "timeline")}>{TEXTS.seeTimeline}</Link>}
    </Card>
  );
}
