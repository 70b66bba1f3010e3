/** The contract suite against SQLite. */
import { describeAttempts } from "../contract/attempts.ts";
import { describeBatches } from "../contract/batches.ts";
import { describeCommands } from "../contract/commands.ts";
import { describeErasures } from "../contract/erasures.ts";
import { describeLists } from "../contract/lists.ts";
import { describeLog } from "../contract/log.ts";
import { describeRequests } from "../contract/requests.ts";
import { describeRetention } from "../contract/retention.ts";
import { describeRevokedSessions } from "../contract/revoked-sessions.ts";
import { describeSearchTurns } from "../contract/search-turns.ts";
import { describeSearches } from "../contract/searches.ts";
import { describeUnknownUsers } from "../contract/unknown-users.ts";
import { openFixture } from "../support/sqlite-fixture.ts";

describeCommands("SQLite", openFixture);
describeRequests("SQLite", openFixture);
describeRevokedSessions("SQLite", openFixture);
describeErasures("SQLite", openFixture);
describeRetention("SQLite", openFixture);
describeBatches("SQLite", openFixture);
describeLists("SQLite", openFixture);
describeLog("SQLite", openFixture);
describeSearches("SQLite", openFixture);
describeSearchTurns("SQLite", openFixture);
describeAttempts("SQLite", openFixture);
describeUnknownUsers("SQLite", openFixture);
