/** The contract suite against a store that another thread uses: what is decided and written. */
import { describeAttempts } from "../contract/attempts.ts";
import { describeBatches } from "../contract/batches.ts";
import { describeCommands } from "../contract/commands.ts";
import type { OpenStore } from "../contract/contract.ts";
import { openRemoteFixture, startThread } from "../support/remote-fixture.ts";

const thread = startThread();
const open: OpenStore = (test, options) => openRemoteFixture(test, thread, options);

describeCommands("a thread's store", open);
describeBatches("a thread's store", open);
describeAttempts("a thread's store", open);
