/** A list of restricted users: several can be chosen and let in again at once. */

import { type ReactNode, useState } from "react";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { type Column, type More, Table } from "../../parts/table.tsx";
import { isolate } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";
import { ACTS, type ActName, actsFor } from "../user/acts.ts";
import { nameOf } from "../user/state.tsx";
import { BulkDialog } from "./bulk-dialog.tsx";

const LIFTS = ["unlock", "unban", "reactivate"] as const satisfies readonly ActName[];

export interface RestrictedUsersProps {
  readonly caption: string;
  readonly users: readonly User[];
  readonly columns: readonly Column<User>[];
  readonly more?: More;
  /** What stands above the rows, or instead of them: an act that is under way stays over it. */
  readonly children: ReactNode;
}

interface Chosen {
  readonly act: ActName;
  readonly users: readonly User[];
}

/** The list. */
export function RestrictedUsers({ caption, users, columns, more, children }: RestrictedUsersProps): ReactNode {
  const { may } = useSession();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [bulk, setBulk] = useState<Chosen>();
  // Who has left the list is not chosen any more.
  const chosenUsers = users.filter(({ userId }) => chosen.has(userId));
  const selection = {
    chosen: new Set(chosenUsers.map(({ userId }) => userId)),
    labelOf: (user: User) => T.restricted.choose(isolate(nameOf(user))),
    onChange: setChosen,
  };
  const closeBulk = (): void => {
    setBulk(undefined);
    // Those who were let in stay in a long list.
    setChosen(new Set(chosenUsers.filter(isRestricted).map(({ userId }) => userId)));
  };
  return (
    <>
      {children}
      {users.length > 0 && (
        <>
          <BulkBar
            users={chosenUsers}
            onAct={(act, of) => setBulk({ act, users: of })}
            onClear={() => setChosen(new Set())}
          >
            {T.users.count(users.length, more?.hasNextPage !== true)}
          </BulkBar>
          <Table
            caption={caption}
            columns={columns}
            rows={users}
            keyOf={({ userId }) => userId}
            {...(more && { more })}
            // Without an act there is nothing to select for.
            {...(may("user.write") && { selection })}
          />
        </>
      )}
      {bulk !== undefined && <BulkDialog {...bulk} onClose={closeBulk} />}
    </>
  );
}

function isRestricted(user: User): boolean {
  const acts = actsFor(user);
  return LIFTS.some((lift) => acts.includes(lift));
}

function BulkBar({
  users,
  onAct,
  onClear,
  children,
}: {
  readonly users: readonly User[];
  readonly onAct: (act: ActName, users: readonly User[]) => void;
  readonly onClear: () => void;
  readonly children: ReactNode;
}): ReactNode {
  const { missing } = useSession();
  const lifted = (act: ActName): readonly User[] => users.filter((user) => actsFor(user).includes(act));
  return (
    <div className="bulk-bar" data-chosen={users.length > 0 || undefined}>
      <p className="count" role="status">
        {users.length === 0 ? children : T.restricted.chosen(users.length)}
      </p>
      {users.length > 0 && (
        <div className="buttons">
          {LIFTS.map((act) => {
            const of = lifted(act);
            const why =
              missing(ACTS[act].permission) ?? (of.length === 0 ? T.restricted.nothingToLift[act] : undefined);
            return (
              <Button key={act} missing={why} onClick={() => onAct(act, of)}>
                {T.acts[act]}
                {of.length > 0 && ` (${of.length})`}
              </Button>
            );
          })}
          <Button kind="quiet" onClick={onClear}>
            {T.restricted.clear}
          </Button>
        </div>
      )}
    </div>
  );
}
