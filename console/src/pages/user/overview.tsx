/** The first tab of a user's page: every restriction as a card, and the profile. */
import type { ReactNode } from "react";
import { type Restriction, RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { Card, Facts, type Tone } from "../../parts/card.tsx";
import { Empty } from "../../parts/notice.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { ACTS, type ActName, liftOf, remainingAfter } from "./acts.ts";
import { Actor, restrictionName, restrictionNames } from "./state.tsx";
import type { UserTabProps } from "./user-tab.ts";

const TONES: Readonly<Record<RestrictionKind, Tone>> = {
  [RestrictionKind.UNSPECIFIED]: "calm",
  [RestrictionKind.LOCK]: "warn",
  [RestrictionKind.BAN]: "bad",
  [RestrictionKind.DEACTIVATION]: "calm",
};

/** The tab. */
export function Overview({ user, onAct }: UserTabProps): ReactNode {
  return (
    <div className="columns">
      <section className="stack">
        <h2>{T.user.restrictions}</h2>
        {user.restrictions.length === 0 && <Empty title={T.user.noRestrictions}>{T.user.noRestrictionsText}</Empty>}
        {user.restrictions.map((restriction) => (
          <RestrictionCard key={restriction.restrictionId} user={user} restriction={restriction} onAct={onAct} />
        ))}
      </section>
      <section className="stack">
        <h2>{T.user.profile}</h2>
        <Profile user={user} />
      </section>
    </div>
  );
}

interface RestrictionCardProps {
  readonly user: User;
  readonly restriction: Restriction;
  readonly onAct: (act: ActName) => void;
}

function RestrictionCard({ user, restriction, onAct }: RestrictionCardProps): ReactNode {
  const { missing } = useSession();
  const { kind, scheduled, startTime, expireTime, reasonCode, note, actor } = restriction;
  const lift = liftOf(restriction);
  const rest = remainingAfter(user, lift, restriction);
  return (
    <Card
      tone={TONES[kind]}
      title={restrictionName(restriction)}
      aside={
        <Button
          aria-label={T.user.liftOf(T.acts[lift], restrictionName(restriction))}
          missing={missing(ACTS[lift].permission)}
          onClick={() => onAct(lift)}
        >
          {T.acts[lift]}
        </Button>
      }
    >
      <Facts
        of={[
          [scheduled === true ? T.user.starts : T.user.since, <Time key="start" at={startTime} />],
          [T.user.ends, <Time key="end" at={expireTime} />],
          [T.user.reason, reasonCode === "" ? undefined : <code key="reason">{reasonCode}</code>],
          [T.user.actor, <Actor key="actor" name={actor} />],
          [T.user.note, note === "" ? undefined : <bdi key="note">{note}</bdi>],
        ]}
      />
      <p className="card-foot">{rest.length === 0 ? T.user.remainsAlone : T.user.remains(restrictionNames(rest))}</p>
    </Card>
  );
}

function Profile({ user }: { readonly user: User }): ReactNode {
  const { profile, details } = user;
  const name = profile?.displayName || [profile?.givenName, profile?.familyName].filter(Boolean).join(" ");
  const email = profile?.email && (
    <>
      <bdi>{profile.email}</bdi>{" "}
      <span className="muted">({profile.emailVerified === true ? T.user.verified : T.user.unverified})</span>
    </>
  );
  return (
    <div className="card">
      <Facts
        of={[
          [T.user.name, name && <bdi key="name">{name}</bdi>],
          [T.user.username, profile?.username && <bdi key="username">{profile.username}</bdi>],
          [T.user.email, email],
          [T.user.phone, profile?.phone],
          [T.user.locale, profile?.locale],
          [T.user.externalId, profile?.externalId],
          [T.user.organization, details?.resourceOwner],
          [T.user.created, <Time key="created" at={details?.creationDate} />],
          [T.user.changed, <Time key="changed" at={details?.changeDate} />],
          [T.user.sequence, details?.sequence.toString()],
        ]}
      />
    </div>
  );
}
