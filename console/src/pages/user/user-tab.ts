/** What each tab of a user's page is given. */
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import type { ActName } from "./acts.ts";

export interface UserTabProps {
  readonly user: User;
  /** Opens the dialog of an act. */
  readonly onAct: (act: ActName) => void;
}
