/** The tab with the user as the service has it. */
import { toJsonString } from "@bufbuild/protobuf";
import type { ReactNode } from "react";
import { UserSchema } from "../../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { JsonText } from "../../../parts/json-text.tsx";
import { T } from "../../../texts/texts.ts";
import type { UserTabProps } from "../user-tab.ts";

/** The tab. */
export function Raw({ user }: UserTabProps): ReactNode {
  return (
    <div className="stack">
      <p className="muted">{T.tabs.raw.lead}</p>
      <JsonText what={T.tabs.raw.what} text={toJsonString(UserSchema, user, { prettySpaces: 2 })} />
    </div>
  );
}
