/** Tables whose pages come by cursor: more rows are added below those that are read. */
import { type ReactNode, useRef } from "react";
import { T } from "../texts/texts.ts";
import { Button } from "./button.tsx";
import { FailureNotice } from "./notice.tsx";

export interface Column<Row> {
  readonly id: string;
  readonly head: string;
  readonly cell: (row: Row) => ReactNode;
  /** Left out where the window is narrow. */
  readonly wide?: boolean;
}

/** The part of an infinite query that a table needs. */
export interface More {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  /** Whether the next rows could not be read, for `error`: those that are read stay. */
  readonly isFetchNextPageError: boolean;
  readonly error: Error | null;
  readonly fetchNextPage: () => unknown;
  /** Whether the rows may be other by now. */
  readonly hasChanged: boolean;
  /** Whether the rows that are shown are read again. */
  readonly isReading: boolean;
  /** Reads them again, from the top if there are many. */
  readonly lookAgain: () => unknown;
}

/** Which rows are chosen, by key. */
export interface Selection<Row> {
  readonly chosen: ReadonlySet<string>;
  /** What the check box of a row is called. */
  readonly labelOf: (row: Row) => string;
  readonly onChange: (chosen: ReadonlySet<string>) => void;
}

/**
 * A table. `caption`: what it has, for those who hear the page. `more`: how to get the next rows. `selection`: each row has
 * a check box.
 */
export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
  more,
  selection,
}: {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly more?: More;
  readonly selection?: Selection<Row>;
}): ReactNode {
  const table = useRef<HTMLTableElement>(null);
  return (
    <div className="table-block">
      {more && <Changed more={more} onLook={() => table.current && goToTop(table.current)} />}
      <div className="table-frame">
        <table className="table" ref={table}>
          <caption className="unseen">{caption}</caption>
          <thead>
            <tr>
              {selection && <AllCell keys={rows.map(keyOf)} {...selection} />}
              {columns.map(({ id, head, wide }) => (
                <th key={id} scope="col" className={wide ? "wide" : undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={keyOf(row)}>
                {selection && <RowCell id={keyOf(row)} label={selection.labelOf(row)} {...selection} />}
                {columns.map(({ id, cell, wide }) => (
                  <td key={id} className={wide ? "wide" : undefined}>
                    {cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {more?.isFetchNextPageError && <FailureNotice error={more.error} onRetry={more.fetchNextPage} />}
        {more?.hasNextPage && !more.isFetchNextPageError && (
          <div className="table-more">
            <Button busy={more.isFetchingNextPage} onClick={() => void more.fetchNextPage()}>
              {more.isFetchingNextPage ? T.loading : T.loadMore}
            </Button>
          </div>
        )}
      </div>
    </div>
  );
}

/** Says that the rows may be other by now. `onLook`: takes the focus of the button, which goes away. */
function Changed({
  more: { hasChanged, isReading, lookAgain },
  onLook,
}: {
  readonly more: More;
  readonly onLook: () => void;
}): ReactNode {
  const look = (): void => {
    onLook();
    void lookAgain();
  };
  return (
    <div className={hasChanged ? "table-changed" : undefined}>
      <p role="status">{hasChanged && T.changed}</p>
      {hasChanged && (
        <Button busy={isReading} onClick={look}>
          {T.lookAgain}
        </Button>
      )}
    </div>
  );
}

function goToTop(table: HTMLTableElement): void {
  table.tabIndex = -1;
  table.focus({ preventScroll: true });
  if (table.getBoundingClientRect().top < 0) table.scrollIntoView();
}

type Choice = Pick<Selection<never>, "chosen" | "onChange">;

function AllCell({ keys, chosen, onChange }: Choice & { readonly keys: readonly string[] }): ReactNode {
  const count = keys.filter((key) => chosen.has(key)).length;
  const isAll = count === keys.length;
  return (
    <th scope="col" className="table-check">
      <input
        type="checkbox"
        aria-label={T.selectAll}
        checked={isAll}
        ref={(box) => {
          if (box !== null) box.indeterminate = count > 0 && !isAll;
        }}
        onChange={() => onChange(new Set(isAll ? [] : keys))}
      />
    </th>
  );
}

function RowCell({ id, label, chosen, onChange }: Choice & { readonly id: string; readonly label: string }): ReactNode {
  return (
    <td className="table-check">
      <input
        type="checkbox"
        aria-label={label}
        checked={chosen.has(id)}
        onChange={() => {
          const others = [...chosen].filter((each) => each !== id);
          onChange(new Set(others.length < chosen.size ? others : [...others, id]));
        }}
      />
    </td>
  );
}
