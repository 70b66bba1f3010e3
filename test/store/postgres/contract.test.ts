/** The contract suite against PostgreSQL. */
import { sharedPostgres } from "../../support/postgres.ts";
import { describeAttempts } from "../contract/attempts.ts";
import { describeBatches } from "../contract/batches.ts";
import { describeCommands } from "../contract/commands.ts";
import type { OpenStore } from "../contract/contract.ts";
import { describeErasures } from "../contract/erasures.ts";
import { describeLists } from "../contract/lists.ts";
import { describeLog } from "../contract/log.ts";
import { describeRequests } from "../contract/requests.ts";
import { describeRetention } from "../contract/retention.ts";
import { describeRevokedSessions } from "../contract/revoked-sessions.ts";
import { describeSearchTurns } from "../contract/search-turns.ts";
import { describeSearches } from "../contract/searches.ts";
import { describeUnknownUsers } from "../contract/unknown-users.ts";
import { openPostgresFixture } from "../support/postgres-fixture.ts";

const server = await sharedPostgres();
const open: OpenStore = (test, options) => openPostgresFixture(server, test, options);

describeCommands("PostgreSQL", open);
describeRequests("PostgreSQL", open);
describeRevokedSessions("PostgreSQL", open);
describeErasures("PostgreSQL", open);
describeRetention("PostgreSQL", open);
describeBatches("PostgreSQL", open);
describeLists("PostgreSQL", open);
describeLog("PostgreSQL", open);
describeSearches("PostgreSQL", open);
describeSearchTurns("PostgreSQL", open);
describeAttempts("PostgreSQL", open);
describeUnknownUsers("PostgreSQL", open);
