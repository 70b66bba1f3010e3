/** The statements of personal values and of erasures: what a batch loads and writes of them. */
import type { ErasureTable, EventPrivateTable } from "../../rows/schema.ts";
import type { Statement } from "../connect/connection.ts";
import { columnsOf, deleteStatement, insertStatement, updateStatement } from "./bulk-statements.ts";

export const PUT_PRIVATE = updateStatement<EventPrivateTable>("event_private", { position: "int8", personal: "text" }, [
  "position",
]);
export const DELETE_PRIVATE = deleteStatement<Pick<EventPrivateTable, "position">>("event_private", {
  position: "int8",
});

export const PUT_ERASURES = insertStatement<ErasureTable>(
  "erasures",
  {
    user_id: "text",
    sequence: "int8",
    epoch: "int8",
    time: "int8",
    next_position: "int8",
    end_time: "int8",
  },
  ["user_id"],
);

/** $1: positions. */
export const LOAD_PRIVATE: Statement = {
  name: "load_private",
  text: "SELECT position, personal FROM event_private WHERE position = ANY ($1::int8[])",
};

/** $1: ids of users. */
export const LOAD_ERASURES: Statement = {
  name: "load_erasures",
  text: `SELECT ${columnsOf(PUT_ERASURES)} FROM erasures WHERE user_id = ANY ($1::text[])`,
};
