/** Gives events to the reader as a file. */
import { toJsonString } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";

/** Downloads the events as `events.ndjson`: one JSON document a line, as ListEvents has them over REST. */
export function downloadEvents(events: readonly Event[]): void {
  const lines = events.map((event) => `${toJsonString(EventSchema, event)}\n`);
  const address = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "events.ndjson";
  link.click();
  // The browser has read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
