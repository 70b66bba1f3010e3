/** What the policy makes of failed attempts of a user. */
import { useQuery } from "@connectrpc/connect-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { PolicyService, type PolicyValues } from "../../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { Factor } from "../../../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { Cause, type Restriction } from "../../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { type Attempt, SignInService } from "../../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import type { User } from "../../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { userPath } from "../../../app/routes.ts";
import { useSession } from "../../../app/session.tsx";
import { Card } from "../../../parts/card.tsx";
import { T } from "../../../texts/texts.ts";
import { durationWords } from "../../../wire/duration.ts";
import { AttemptTally } from "./attempt-tally.tsx";
import { ladderStepOf, secondsOf } from "./ladder.ts";

const ATTEMPTS_SHOWN = 20;

const TEXTS = T.tabs.explain;

/** Returns the newest attempts; undefined until the service says so, or if the caller may not know. */
export function useNewestAttempts(userId: string): readonly Attempt[] | undefined {
  const { may } = useSession();
  const { data } = useQuery(
    SignInService.method.listAttempts,
    { userId, pageSize: ATTEMPTS_SHOWN },
    { enabled: may("signin.read") },
  );
  return data?.attempts;
}

export interface FailedAttemptsProps {
  readonly user: User;
  /** With a password; undefined: there is no limit. */
  readonly attemptsLeft: number | undefined;
  /** What is in force. */
  readonly locks: readonly Restriction[];
}

/** The card. */
export function FailedAttempts({ user, attemptsLeft, locks }: FailedAttemptsProps): ReactNode {
  const { may, missing } = useSession();
  const attempts = useNewestAttempts(user.userId);
  const { data } = useQuery(
    PolicyService.method.getPolicy,
    { organizationId: user.details?.resourceOwner ?? "" },
    { enabled: may("policy.read") },
  );
  const policy = data?.policy?.effective;
  const left =
    attemptsLeft === undefined
      ? TEXTS.noLimit
      : TEXTS.left(attemptsLeft, T.tabs.attempts.factors[Factor.PASSWORD] ?? "");
  const lines = [left, ...(policy === undefined ? [] : linesOf(policy, locks))];
  const path = userPath(user.userId, "attempts");
  return (
    <Card title={TEXTS.attempts} aside={may("signin.read") && <Link href={path}>{TEXTS.seeAttempts}</Link>}>
      <ul className="hints">
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
        {[missing("policy.read"), missing("signin.read")]
          .filter((line) => line !== undefined)
          .map((line) => (
            <li key={line} className="muted">
              {line}
            </li>
          ))}
      </ul>
      {attempts !== undefined && attempts.length > 0 && (
        <AttemptTally attempts={attempts} isAll={attempts.length < ATTEMPTS_SHOWN} />
      )}
    </Card>
  );
}

function linesOf(policy: PolicyValues, locks: readonly Restriction[]): readonly string[] {
  const max = policy.limits.find(({ factor }) => factor === Factor.PASSWORD)?.attemptsMax ?? 0;
  const [window, lock] = [policy.countingWindow, policy.lockDuration].map((each) => durationWords(secondsOf(each)));
  const own = locks.find(({ cause }) => cause === Cause.POLICY);
  const place = own && ladderStepOf(own, policy);
  const { permanentAfter = 0 } = policy;
  return [
    max === 0 ? TEXTS.ruleOff : TEXTS.rule(max, window ?? "", lock ?? ""),
    ...(place === undefined
      ? []
      : [place.last === undefined ? TEXTS.stepOpen(place.step) : TEXTS.step(place.step, place.last)]),
    ...(permanentAfter > 0 ? [TEXTS.thenPermanent(permanentAfter)] : []),
  ];
}
