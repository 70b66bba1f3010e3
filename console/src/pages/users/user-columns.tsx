/** The columns that every list of users has. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { userPath } from "../../app/routes.ts";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { decisiveOf, nameOf, restrictionName, StateTag } from "../user/state.tsx";

/** Who, in which state, why and until when. */
export const USER_COLUMNS: readonly Column<User>[] = [
  { id: "user", head: T.users.columns.user, cell: (user) => <UserCell user={user} /> },
  { id: "state", head: T.users.columns.state, cell: ({ state }) => <StateTag state={state} /> },
  { id: "why", head: T.users.columns.why, cell: (user) => <Why user={user} />, wide: true },
  { id: "until", head: T.users.columns.until, cell: (user) => <Until user={user} />, wide: true },
];

/** A user's name as a link to the page, with the email address or the id below it. */
export function UserCell({ user }: { readonly user: User }): ReactNode {
  const name = nameOf(user);
  return (
    <div className="user-cell">
      <Link href={userPath(user.userId)} className="user-cell-name">
        <bdi>{name}</bdi>
      </Link>
      <bdi className="user-cell-id">
        {user.profile?.email && user.profile.email !== name ? user.profile.email : user.userId}
      </bdi>
    </div>
  );
}

function Why({ user }: { readonly user: User }): ReactNode {
  const decisive = decisiveOf(user);
  if (decisive === undefined) return null;
  return decisive.reasonCode === "" ? restrictionName(decisive) : <code>{decisive.reasonCode}</code>;
}

function Until({ user }: { readonly user: User }): ReactNode {
  const decisive = decisiveOf(user);
  return decisive === undefined ? null : <Time at={decisive.expireTime} />;
}
