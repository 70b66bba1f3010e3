/** The rest of the contract suite against a store that another thread uses: what is listed and repeated. */
import type { OpenStore } from "../contract/contract.ts";
import { describeLists } from "../contract/lists.ts";
import { describeLog } from "../contract/log.ts";
import { describeRequests } from "../contract/requests.ts";
import { describeSearchTurns } from "../contract/search-turns.ts";
import { describeSearches } from "../contract/searches.ts";
import { describeUnknownUsers } from "../contract/unknown-users.ts";
import { openRemoteFixture, startThread } from "../support/remote-fixture.ts";

const thread = startThread();
const open: OpenStore = (test, options) => openRemoteFixture(test, thread, options);

describeRequests("a thread's store", open);
describeLists("a thread's store", open);
describeLog("a thread's store", open);
describeSearches("a thread's store", open);
describeSearchTurns("a thread's store", open);
describeUnknownUsers("a thread's store", open);
