/** A bar chart of locks by time, drawn by hand: two bars for each part of the period when two policies are compared. */
import { type ReactNode, useId } from "react";
import { T } from "../../texts/texts.ts";
import { localTime } from "../../wire/time.ts";

/** One part of the period. */
export interface Bar {
  /** Its start, in milliseconds since the epoch. */
  readonly from: number;
  readonly now: number;
  readonly tried: number;
}

const WIDTH = 720;
const HEIGHT = 200;
const LEFT = 52;
const BOTTOM = 24;
const TOP = 18;
const INNER = HEIGHT - TOP - BOTTOM;

export interface BarChartProps {
  readonly bars: readonly Bar[];
  /** The end of the period, in milliseconds since the epoch. */
  readonly end: number;
  readonly unit: string;
  readonly isCompared: boolean;
}

/** The chart. Its numbers stand in the table that follows it. */
export function BarChart({ bars, end, unit, isCompared }: BarChartProps): ReactNode {
  const title = useId();
  const { picture, pictureText } = T.policy.simulation;
  const most = roundUp(Math.max(1, ...bars.flatMap(({ now, tried }) => [now, tried])));
  const sum = (of: "now" | "tried"): number => bars.reduce((all, bar) => all + bar[of], 0);
  const slot = (WIDTH - LEFT) / bars.length;
  const width = (slot * 0.7) / (isCompared ? 2 : 1);
  return (
    <figure className="chart">
      <figcaption>
        <span className="chart-title">{picture(unit)}</span>
        <span className="chart-key chart-key-now">{T.policy.simulation.now}</span>
        {isCompared && <span className="chart-key chart-key-tried">{T.policy.simulation.tried}</span>}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={title}>
        <title id={title}>{pictureText(sum("now"), isCompared ? sum("tried") : sum("now"))}</title>
        {[0, most / 2, most].map((value) => (
          <g key={value}>
            <line className="chart-line" x1={LEFT} x2={WIDTH} y1={heightAt(value, most)} y2={heightAt(value, most)} />
            <text className="chart-text chart-text-end" x={LEFT - 6} y={heightAt(value, most) + 4}>
              {value}
            </text>
          </g>
        ))}
        {bars.map((bar, index) => {
          const x = LEFT + index * slot + slot * 0.15;
          return (
            <g key={bar.from}>
              <rect className="chart-now" {...rect(x, width, bar.now, most)} />
              {isCompared && <rect className="chart-tried" {...rect(x + width, width, bar.tried, most)} />}
            </g>
          );
        })}
        <text className="chart-text" x={LEFT} y={HEIGHT - 6}>
          {localTime(bars[0]?.from ?? end)}
        </text>
        <text className="chart-text chart-text-end" x={WIDTH} y={HEIGHT - 6}>
          {localTime(end)}
        </text>
      </svg>
    </figure>
  );
}

function heightAt(value: number, most: number): number {
  return TOP + INNER - (value / most) * INNER;
}

function rect(x: number, width: number, value: number, most: number) {
  return { x, width, y: heightAt(value, most), height: (value / most) * INNER };
}

/** Returns an even number at which an axis may end: 2, 4, 10, 20, 40, 100 and so on. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [2, 4, 10].map((step) => step * power).find((each) => each >= value) ?? value;
}
