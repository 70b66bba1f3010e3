/** HistoryService: the proof of the history. Message → operation → message. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/event/v1/history_service_pb.ts";
import type { Actor } from "../../auth/actor.ts";
import type { ChainEvent, HistoryHead, HistorySlice } from "../../store/history.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { pageOf } from "../operations/caller.ts";
import type { HistoryOperations, Verification } from "../operations/history.ts";
import { toTimestamp } from "../times.ts";

/** The handlers of lockkeeper.event.v1.HistoryService. */
export function historyHandlers(operations: HistoryOperations): ServiceHandlers<typeof pb.HistoryService> {
  return {
    async *verifyHistory({ checkpoint }, call) {
      for await (const found of operations.verify(checkpoint, call)) {
        yield create(pb.VerifyHistoryResponseSchema, { message: found.isDone ? toReport(found) : toProgress(found) });
      }
    },

    async *exportHistory(_request, call) {
      const { head, leave } = await operations.beginExport(call);
      try {
        yield* exportLines(operations, head, call);
      } finally {
        leave();
      }
    },

    async listCheckpoints(request, call) {
      const page = await operations.checkpoints(pageOf(request), call);
      return create(pb.ListCheckpointsResponseSchema, {
        checkpoints: page.items.map(({ position, time, note }) => ({
          position: BigInt(position),
          time: toTimestamp(time),
          note,
        })),
        nextPageToken: page.next ?? "",
        verifierKeys: [...(await operations.verifierKeys())],
      });
    },
  };
}

async function* exportLines(operations: HistoryOperations, head: HistoryHead, call: ServiceCall) {
  const { position, link, recordTime } = head;
  const personalWithheld = !call.admission.actor.permissions.has("user.read");
  const begin = { position: BigInt(position), link, recordTime: toTimestamp(recordTime), personalWithheld };
  yield line({ case: "head", value: begin });
  let events = 0;
  for await (const slice of operations.slices(head, call)) {
    events += slice.events.length;
    for (const each of inOrder(slice, call.admission.actor)) {
      await call.takeTurn();
      yield line(each);
    }
  }
  const [checkpoint = "", verifierKeys] = [await operations.sign(head), await operations.verifierKeys()];
  yield line({ case: "end", value: { events: BigInt(events), checkpoint, verifierKeys: [...verifierKeys] } });
}

function toProgress({ position, head }: Verification) {
  return { case: "progress", value: { position: BigInt(position), total: BigInt(head.position) } } as const;
}

function toReport({ head, events, links, checkpoints, faults, unknownSigners }: Verification) {
  const value = {
    events: BigInt(events),
    links: BigInt(links),
    checkpoints: BigInt(checkpoints),
    position: BigInt(head.position),
    link: head.link,
    faults: faults.map(({ position, fault }) => ({ position: BigInt(position), fault })),
    unknownSigners: unknownSigners.map(({ position, keyIds }) => ({ position: BigInt(position), keyIds: [...keyIds] })),
  };
  return { case: "report", value } as const;
}

type Line = NonNullable<MessageInitShape<typeof pb.ExportHistoryResponseSchema>["message"]>;

function line(message: Line): pb.ExportHistoryResponse {
  return create(pb.ExportHistoryResponseSchema, { message });
}

/** Yields each link after the last event of its commit. */
function* inOrder({ events, links }: HistorySlice, actor: Actor): Generator<Line> {
  let next = 0;
  for (const event of events) {
    for (let at = links[next]; at !== undefined && at.position < event.position; at = links[++next]) yield toLink(at);
    yield { case: "event", value: toEvent(event, actor) };
  }
  for (let at = links[next]; at !== undefined; at = links[++next]) yield toLink(at);
}

function toLink({ position, link }: HistorySlice["links"][number]): Line {
  return { case: "link", value: { position: BigInt(position), link } };
}

/** Events of these types have the hash of an API key's secret in their body. */
const WITH_SECRETS: ReadonlySet<string> = new Set(["ApiKeyCreated", "ApiKeyRotated"]);

function toEvent(event: ChainEvent, { permissions }: Actor) {
  const isWithheld = WITH_SECRETS.has(event.type) && !permissions.has("backup.create");
  return {
    position: BigInt(event.position),
    ...(event.previousPosition === null ? {} : { previousPosition: BigInt(event.previousPosition) }),
    ...(event.organizationId === null ? {} : { organizationId: event.organizationId }),
    ...(event.userId === null ? {} : { userId: event.userId }),
    sequence: BigInt(event.sequence),
    type: event.type,
    time: BigInt(event.time),
    recordTime: BigInt(event.recordTime),
    actor: event.actor,
    via: event.via,
    requestId: event.requestId,
    body: isWithheld ? new Uint8Array() : event.body,
    hash: event.hash,
    personal: permissions.has("user.read") ? toPersonal(event.personal) : {},
  };
}

function toPersonal(personal: string | null): Record<string, { salt: Uint8Array; value: string }> {
  const values = JSON.parse(personal ?? "{}") as Readonly<Record<string, readonly [salt: string, value: string]>>;
  return Object.fromEntries(
    Object.entries(values).map(([name, [salt, value]]) => [name, { salt: Buffer.from(salt, "base64"), value }]),
  );
}
