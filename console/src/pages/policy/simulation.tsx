/** The part of the page that tries the values of the form on past attempts. */
import { createClient } from "@connectrpc/connect";
import { type ReactNode, useEffect, useRef, useState } from "react";
import {
  type Policy,
  PolicyService,
  type PolicyValues,
  type SimulatePolicyResponse,
} from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Button } from "../../parts/button.tsx";
import { SelectField } from "../../parts/field.tsx";
import { FailureNotice, Loading } from "../../parts/notice.tsx";
import { T } from "../../texts/texts.ts";
import { now, timestampOf } from "../../wire/time.ts";
import { NO_TIMEOUT } from "../../wire/transport.ts";
import { FIELDS, type FieldId, numberOf, valuesOf } from "./policy-fields.ts";
import { type Simulated, SimulationResult } from "./simulation-result.tsx";

const DAY_MS = 86_400_000;
const SPANS = ["1", "7", "30"] as const;

export interface SimulationProps {
  readonly policy: Policy;
  readonly inherited: PolicyValues | undefined;
  /** What the form sets; undefined while something is wrong with it. */
  readonly numbers: ReadonlyMap<FieldId, number> | undefined;
  readonly isChanged: boolean;
}

/** The part. */
export function Simulation({ policy, inherited, numbers, isChanged }: SimulationProps): ReactNode {
  const { transport } = useSession();
  const [days, setDays] = useState<(typeof SPANS)[number]>("7");
  const [result, setResult] = useState<Simulated>();
  const [error, setError] = useState<unknown>();
  const [running, setRunning] = useState<AbortController>();
  const latest = useRef<AbortController>(undefined);
  useEffect(() => () => latest.current?.abort(), []);
  const run = async (tried: PolicyValues | undefined): Promise<void> => {
    const stop = new AbortController();
    latest.current = stop;
    setRunning(stop);
    setError(undefined);
    setResult(undefined);
    const end = now();
    const start = end - Number(days) * DAY_MS;
    const ask = (values: PolicyValues | undefined): Promise<SimulatePolicyResponse> =>
      createClient(PolicyService, transport).simulatePolicy(
        {
          organizationId: policy.organizationId,
          ...(values && { values }),
          startTime: timestampOf(start),
          endTime: timestampOf(end),
        },
        { signal: stop.signal, timeoutMs: NO_TIMEOUT },
      );
    try {
      const today = await ask(undefined);
      setResult({ start, end, now: today, tried: tried && (await ask(tried)) });
    } catch (refused) {
      if (!stop.signal.aborted) setError(refused);
    } finally {
      setRunning(undefined);
    }
  };
  return (
    <section className="stack simulation">
      <h2 className="section-title">{T.policy.simulation.title}</h2>
      <p className="muted">{T.policy.simulation.lead}</p>
      <div className="filters filters-list">
        <SelectField
          label={T.policy.simulation.days}
          value={days}
          options={SPANS.map((value) => ({ value, label: T.policy.simulation.spans[Number(value)] ?? value }))}
          onChange={setDays}
        />
        <div className="filters-buttons">
          <Button
            missing={numbers === undefined ? T.policy.simulation.wrong : undefined}
            busy={running !== undefined}
            onClick={() => void run(isChanged && numbers ? triedValues(policy, inherited, numbers) : undefined)}
          >
            {T.policy.simulation.run}
          </Button>
          {running !== undefined && <Button onClick={() => running.abort()}>{T.cancel}</Button>}
        </div>
      </div>
      {running !== undefined && <Running />}
      {error !== undefined && <FailureNotice error={error} />}
      {result !== undefined && <SimulationResult {...result} />}
    </section>
  );
}

function Running(): ReactNode {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((before) => before + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  return <Loading>{T.policy.simulation.running(seconds)}</Loading>;
}

/** The service takes what is absent from the policy in force; so what is set there, and no more in the form, is said. */
function triedValues(
  { values }: Policy,
  inherited: PolicyValues | undefined,
  numbers: ReadonlyMap<FieldId, number>,
): PolicyValues {
  const back = FIELDS.flatMap(({ id }): [FieldId, number][] => {
    const value = numberOf(inherited, id);
    const isDropped = numberOf(values, id) !== undefined && !numbers.has(id);
    return isDropped && value !== undefined ? [[id, value]] : [];
  });
  return valuesOf(new Map([...numbers, ...back]));
}
