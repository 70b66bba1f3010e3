/** Tables whose pages come by cursor: more rows are added below those that are read. */
import type { ReactNode } from "react";
import { T } from "../texts/texts.ts";
import { Button } from "./button.tsx";

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
  readonly fetchNextPage: () => unknown;
}

/** A table. `caption`: what it has, for those who hear the page. `more`: how to get the next rows. */
export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
  more,
}: {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly more?: More;
}): ReactNode {
  return (
    <div className="table-frame">
      <table className="table">
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
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
              {columns.map(({ id, cell, wide }) => (
                <td key={id} className={wide ? "wide" : undefined}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {more?.hasNextPage && (
        <div className="table-more">
          <Button busy={more.isFetchingNextPage} onClick={() => void more.fetchNextPage()}>
            {more.isFetchingNextPage ? T.loading : T.loadMore}
          </Button>
        </div>
      )}
    </div>
  );
}
