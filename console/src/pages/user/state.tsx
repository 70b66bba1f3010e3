/** The state of a user in words: one sentence, one tag, and the names of restrictions. */

import { useQuery } from "@connectrpc/connect-query";
import type { ReactNode } from "react";
import { ApiKeyService } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { Cause, type Restriction, RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { State, type User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Tag, type Tone } from "../../parts/card.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { millisOf } from "../../wire/time.ts";

const TONES: Readonly<Record<State, Tone>> = {
  [State.UNSPECIFIED]: "calm",
  [State.ACTIVE]: "good",
  [State.LOCKED]: "warn",
  [State.INACTIVE]: "calm",
  [State.BANNED]: "bad",
  [State.DELETED]: "calm",
};

/** The kind of restriction that makes a state. */
const KIND_OF: Readonly<Partial<Record<State, RestrictionKind>>> = {
  [State.LOCKED]: RestrictionKind.LOCK,
  [State.INACTIVE]: RestrictionKind.DEACTIVATION,
  [State.BANNED]: RestrictionKind.BAN,
};

/** Returns the tone of a state. */
export function toneOf(state: State): Tone {
  return TONES[state] ?? "calm";
}

/** The state in one word. */
export function StateTag({ state }: { readonly state: State }): ReactNode {
  return <Tag tone={toneOf(state)}>{T.states[state]}</Tag>;
}

/** Returns the name to call a user by: what people know and can see, else the id. */
export function nameOf({ userId, profile }: User): string {
  const names = [profile?.displayName, profile?.username, profile?.email];
  return names.find((name) => name !== undefined && /[^\s\p{C}\p{M}]/u.test(name)) ?? userId;
}

/** Returns the restriction that decides the state: the one of its kind that lasts longest. Undefined if none does. */
export function decisiveOf({ state, restrictions }: User): Restriction | undefined {
  const kind = KIND_OF[state];
  return restrictions
    .filter((each) => each.kind === kind && each.scheduled !== true)
    .sort((a, b) => endOf(b) - endOf(a))[0];
}

/** Returns when a restriction ends, in milliseconds since the epoch; Infinity: never. */
export function endOf({ expireTime }: Restriction): number {
  return millisOf(expireTime) ?? Number.POSITIVE_INFINITY;
}

/** Returns the restrictions as words, such as "Lock (too many failed sign-ins)", separated by commas. */
export function restrictionNames(restrictions: readonly Restriction[]): string {
  return restrictions.map(restrictionName).join(", ");
}

/** Returns what a restriction is called: its kind, and its cause unless that is an operator. */
export function restrictionName({ kind, cause }: Restriction): string {
  return cause === Cause.ADMIN ? (T.kinds[kind] ?? "") : `${T.kinds[kind]} (${T.causes[cause]})`;
}

/** The state as one sentence: "Banned until 5 December at 14:05 by support desk because SPAM." */
export function StateSentence({ user }: { readonly user: User }): ReactNode {
  const decisive = decisiveOf(user);
  if (decisive === undefined) return user.state === State.DELETED ? T.user.deleted : T.user.active;
  const { expireTime, actor, cause, reasonCode } = decisive;
  return (
    <>
      {T.states[user.state]}{" "}
      {expireTime === undefined ? (
        T.user.forever
      ) : (
        <>
          {T.user.until} <Time at={expireTime} />
        </>
      )}{" "}
      {cause === Cause.ADMIN ? (
        <>
          {T.user.by} <Actor name={actor} />
        </>
      ) : (
        `${T.user.because} ${T.causes[cause]}`
      )}
      {cause === Cause.ADMIN && reasonCode !== "" && (
        <>
          {" "}
          {T.user.because} <code>{reasonCode}</code>
        </>
      )}
      .
    </>
  );
}

/** Who did something: the display name of a key, where the caller may read keys; else the name as histories have it. */
export function Actor({ name }: { readonly name: string }): ReactNode {
  const { may, who } = useSession();
  const keyId = /^key:(.+)$/.exec(name)?.[1];
  const isOwn = keyId !== undefined && keyId === who.apiKeyId;
  const { data } = useQuery(
    ApiKeyService.method.getApiKey,
    { apiKeyId: keyId ?? "" },
    { enabled: keyId !== undefined && !isOwn && may("key.read"), staleTime: 300_000 },
  );
  const shown = isOwn ? T.ownKey(who.displayName) : data?.apiKey?.displayName;
  return (
    <bdi className="actor" title={name}>
      {shown || (keyId === undefined ? name : T.someKey(keyId.slice(-6)))}
    </bdi>
  );
}
