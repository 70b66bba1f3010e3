/** `lockkeeper signin check`: shows whether users may act now, and why not. */
import type { Factor } from "../../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import type { SignInDecision } from "../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { choice } from "../../frame/flag.ts";
import { eachId, ids } from "../../frame/ids.ts";
import type { TimeText } from "../../frame/output.ts";
import { FACTORS, nameOf, STATES, wordsOf } from "../words.ts";

const UNSAID: Factor = 0;
const COLUMNS = [
  "USER",
  { title: "MAY ACT", toned: true },
  { title: "STATE", toned: true },
  { title: "UNTIL", whole: true },
  "REASON",
  "ATTEMPTS LEFT",
  "EPOCH",
];

function rowOf(userId: string, decision: SignInDecision, time: TimeText): readonly string[] {
  return [
    userId,
    decision.allowed ? "yes" : "no",
    nameOf(STATES, decision.state),
    decision.allowed ? "" : time(decision.untilTime) || "without end",
    decision.reasonCode,
    String(decision.attemptsLeft ?? ""),
    String(decision.revocationEpoch),
  ];
}

export const signinCheck = defineCommand({
  name: "signin check",
  meaning: "show whether users may act now; exit code 4 if one may not",
  reach: "organization",
  words: { users: ids("the users' ids") },
  flags: { factor: choice("the factor that ATTEMPTS LEFT counts (default password)", wordsOf(FACTORS)) },
  examples: [
    ["signin check alice && echo come in", "in a script"],
    ["signin check alice bob carol --json", "several users, one JSON object per line that begins with the userId"],
  ],
  async run({ users, factor }, context) {
    const { client, organizationId, output } = context;
    const signIns = await client("signIns");
    const rows: (readonly string[])[] = [];
    const isTable = output.form === "table" || output.form === "wide";
    let allowed = true;
    try {
      for await (const userId of eachId(users, context)) {
        const response = await signIns.checkSignIn({ userId, organizationId, factor: factor ?? UNSAID });
        const { decision } = response;
        if (decision === undefined) throw new Error("the service answered without a decision");
        allowed &&= decision.allowed === true;
        rows.push(rowOf(userId, decision, output.time));
        if (!isTable) {
          const json = { userId, ...((await output.toJson(response)) as object) };
          await output.object(json, { lines: () => "", name: () => userId });
        }
      }
    } finally {
      // The users before an unknown one are shown too.
      if (isTable && rows.length > 0) await output.write(output.table(COLUMNS).lines(rows));
    }
    return allowed ? "done" : "refused";
  },
});
