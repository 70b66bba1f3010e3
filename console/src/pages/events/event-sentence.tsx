/** What happened, as one sentence. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import { type Event, Initiator } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { Cause, type Restriction, RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { userPath } from "../../app/routes.ts";
import { useSession } from "../../app/session.tsx";
import type { Tone } from "../../parts/card.tsx";
import { fill } from "../../parts/fill.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { Actor } from "../user/state.tsx";
import { changeOf } from "./event-values.ts";

const S = T.events.sentences;

/** What a sentence is made of. */
interface Said {
  readonly text: string;
  readonly reason?: string | undefined;
  readonly restriction?: Restriction | undefined;
  /** Names of values. */
  readonly fields?: readonly string[];
  readonly number?: bigint;
  readonly kind?: RestrictionKind;
  readonly tone?: Tone;
}

const LIFTED: Tone = "good";

const IMPOSED: Readonly<Record<"userLocked" | "userBanned" | "userDeactivated", Tone>> = {
  userLocked: "warn",
  userBanned: "bad",
  userDeactivated: "calm",
};

/** Returns how an event is meant, by colour. */
export function toneOfEvent(event: Event): Tone {
  return saidOf(event).tone ?? "calm";
}

function saidOf(event: Event): Said {
  const { payload, initiator } = event;
  switch (payload.case) {
    case "userCreated":
      return { text: payload.value.recreated ? S.userCreatedAgain : S.userCreated, reason: payload.value.reasonCode };
    case "userImported":
      return { text: payload.value.created ? S.userImported : S.userChangedByImport };
    case "userUpdated":
      return { text: S.userUpdated, reason: payload.value.reasonCode, fields: changedBy(event) };
    case "userDeleted":
      return {
        text: payload.value.erased ? S.userErased : S.userDeleted,
        reason: payload.value.reasonCode,
        tone: "bad",
      };
    case "userLocked":
    case "userBanned":
    case "userDeactivated":
      return imposed(payload.case, payload.value.restriction);
    case "userUnlocked":
    case "userUnbanned":
    case "userReactivated":
      return { text: S[payload.case], reason: payload.value.reasonCode, tone: LIFTED };
    case "restrictionStarted":
      return { text: S.restrictionStarted, kind: payload.value.kind, tone: "warn" };
    case "restrictionExpired":
      return { text: S.restrictionExpired, kind: payload.value.kind, tone: LIFTED };
    case "userSessionsRevoked":
      return { text: S.userSessionsRevoked, reason: payload.value.reasonCode };
    case "sessionRevoked":
      return { text: initiator === Initiator.PERSON ? S.personSignedOut : S.sessionRevoked };
    case "eventRedacted": {
      const { reasonCode, fields, sequence } = payload.value;
      return { text: S.eventRedacted, reason: reasonCode, fields, number: sequence };
    }
    case "generationRaised":
      return { text: S.generationRaised, number: payload.value.generation, tone: "bad" };
    case undefined:
      return { text: S.unknown };
    default:
      return { text: S[payload.case] };
  }
}

function imposed(what: keyof typeof IMPOSED, restriction: Restriction | undefined): Said {
  const said = { restriction, reason: restriction?.reasonCode, tone: IMPOSED[what] };
  if (restriction?.cause === Cause.POLICY) return { ...said, text: S.userLockedByPolicy, reason: "" };
  if (restriction?.cause === Cause.RECOVERY) return { ...said, text: S.userLockedByRecovery, reason: "" };
  if (restriction?.cause === Cause.DIRECTORY) return { ...said, text: S.userDeactivatedByDirectory };
  if (restriction?.scheduled) return { ...said, text: S.restrictionScheduled, kind: restriction.kind };
  return { ...said, text: S[what] };
}

function changedBy(event: Event): readonly string[] {
  const { setFields = [], clearedFields = [] } = changeOf(event) ?? {};
  return [...setFields, ...clearedFields];
}

/** The sentence. `isOwn`: it stands on the page of the user that it is about. */
export function EventSentence({ event, isOwn }: { readonly event: Event; readonly isOwn: boolean }): ReactNode {
  const { text, reason = "", restriction, fields = [], number, kind = RestrictionKind.UNSPECIFIED } = saidOf(event);
  return fill(text, {
    actor: event.actor === "system" ? T.events.system : <Actor name={event.actor} />,
    user: isOwn ? T.events.thisUser : <UserLink userId={event.userId} />,
    until: <Until restriction={restriction} />,
    start: <Time at={restriction?.startTime} />,
    why: reason !== "" && (
      <>
        {" "}
        {T.events.because} <code>{reason}</code>
      </>
    ),
    fields: fields.map(shortName).join(", "),
    number: number?.toString(),
    kind: T.events.kinds[kind],
    organization: <bdi className="actor">{event.organizationId}</bdi>,
    key: <Actor name={`key:${event.apiKeyId}`} />,
    place: event.organizationId === "" ? T.events.instance : <Organization id={event.organizationId} />,
  });
}

/** Returns the name of a value as people say it: `email` for `profile.email`. */
export function shortName(name: string): string {
  return name.replace(/^profile\./, "");
}

function Until({ restriction }: { readonly restriction: Restriction | undefined }): ReactNode {
  if (restriction?.expireTime === undefined) return T.events.forGood;
  return (
    <>
      {T.events.until} <Time at={restriction.expireTime} />
    </>
  );
}

function UserLink({ userId }: { readonly userId: string }): ReactNode {
  const { may } = useSession();
  if (!may("user.read")) return <bdi className="actor">{userId}</bdi>;
  return (
    <Link href={userPath(userId)}>
      <bdi>{userId}</bdi>
    </Link>
  );
}

function Organization({ id }: { readonly id: string }): ReactNode {
  return (
    <>
      {T.events.organizationOf} <bdi className="actor">{id}</bdi>
    </>
  );
}
