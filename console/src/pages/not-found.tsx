/** The page of an address that leads nowhere. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import { Empty } from "../parts/notice.tsx";
import { T } from "../texts/texts.ts";

/** Says so, and leads on. */
export function NotFound(): ReactNode {
  return (
    <Empty title={T.notFound.title}>
      {T.notFound.text} <Link href="/">{T.notFound.back}</Link>
    </Empty>
  );
}
