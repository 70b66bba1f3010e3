/** `lockkeeper signin check`: may these users act now, and why not. */
import type { Factor } from "../../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import type { SignInDecision } from "../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { choice, words } from "../../frame/flag.ts";
import { jsonLine, Table } from "../../frame/output.ts";
import { instantText } from "../../frame/text.ts";
import { FACTORS, nameOf, STATES } from "../words.ts";

const UNSAID: Factor = 0;
const COLUMNS = ["USER", "MAY ACT", "STATE", "UNTIL", "REASON", "ATTEMPTS LEFT", "EPOCH"];

function rowOf(userId: string, decision: SignInDecision): readonly string[] {
  return [
    userId,
    decision.allowed ? "yes" : "no",
    nameOf(STATES, decision.state),
    decision.allowed ? "" : instantText(decision.untilTime) || "without end",
    decision.reasonCode,
    String(decision.attemptsLeft ?? ""),
    String(decision.revocationEpoch),
  ];
}

export const signinCheck = defineCommand({
  name: "signin check",
  meaning: "say of users whether they may act now; exit code 4 when one may not",
  reach: "organization",
  words: { users: words("the users' ids") },
  flags: { factor: choice("whose limit ATTEMPTS LEFT tells (absent: password)", FACTORS) },
  examples: [
    ["signin check alice && echo come in", "in a script"],
    ["signin check alice bob carol --json", "several; a line each: the answer with the userId in front"],
  ],
  async run({ users, factor }, { client, organizationId, output }) {
    const signIns = await client("signIns");
    const rows: (readonly string[])[] = [];
    let allowed = true;
    try {
      for (const userId of users) {
        const response = await signIns.checkSignIn({ userId, organizationId, factor: factor ?? UNSAID });
        const { decision } = response;
        if (decision === undefined) throw new Error("the service answered without a decision");
        allowed &&= decision.allowed === true;
        rows.push(rowOf(userId, decision));
        if (output.json) await output.write(jsonLine({ userId, ...((await output.toJson(response)) as object) }));
      }
    } finally {
      // Those before one who is not known are told all the same.
      if (!output.json && rows.length > 0) await output.write(new Table(COLUMNS).lines(rows));
    }
    return allowed ? "done" : "refused";
  },
});
