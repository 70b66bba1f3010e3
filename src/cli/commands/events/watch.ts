/** `lockkeeper events watch`: prints events as they happen, and goes on after a broken connection. */
import { setTimeout } from "node:timers/promises";
import type { Event } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { type CommandContext, defineCommand } from "../../frame/command.ts";
import { EXIT } from "../../frame/failure.ts";
import { text } from "../../frame/flag.ts";
import { ActorNames } from "../actor-names.ts";
import { eventView } from "../event-view.ts";

/** The pause before the stream is opened again: doubled up to the longest while it fails, in milliseconds. */
const PAUSE_MS = 250;
const PAUSE_MS_MAX = 10_000;

export const eventsWatch = defineCommand({
  name: "events watch",
  meaning: "print events as they happen, until it is interrupted; it goes on after a broken connection",
  reach: "organization",
  words: {},
  flags: {
    after: text("CURSOR", "begin after this cursor; 0 begins at the first event (default: now)"),
    filter: text("FILTER", "only events that match, such as 'type=UserLocked AND user=alice'"),
  },
  examples: [
    ["events watch --filter 'type=UserBanned' --json", "each ban, one JSON object per line"],
    ["events watch --after 0", "everything so far, and then what comes"],
  ],
  async run({ after, filter = "" }, context) {
    const names = new ActorNames(context);
    const asked = { organizationId: context.organizationId, filter, cursor: after ?? "" };
    await context.output.items(batches(context, names, asked), eventView(names));
    return "done";
  },
});

interface Asked {
  readonly organizationId: string;
  readonly filter: string;
  readonly cursor: string;
}

async function* batches(
  context: CommandContext,
  names: ActorNames,
  { cursor: first, ...asked }: Asked,
): AsyncGenerator<readonly Event[]> {
  const { client, output, signal, failureOf } = context;
  const events = await client("events");
  let [cursor, pauseMs, hasBegun] = [first, PAUSE_MS, false];
  for (;;) {
    try {
      for await (const message of events.watchEvents({ ...asked, cursor }, { timeoutMs: 0, signal })) {
        ({ cursor } = message);
        pauseMs = PAUSE_MS;
        hasBegun = true;
        await names.learn(message.events.map(({ actor }) => actor));
        yield message.events;
      }
    } catch (error) {
      if (signal.aborted) return;
      const failure = await failureOf(error);
      // Nothing that was printed is lost, and trying again helps only where the service is at fault.
      if (failure.exitCode !== EXIT.UNAVAILABLE || !hasBegun) throw error;
      output.remark(`${failure.message}; trying again`);
    }
    await setTimeout(pauseMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX);
  }
}
