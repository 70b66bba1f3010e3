/** Tabs whose choice is in the address: each can be linked to, opened in another window, and left with the back button. */
import { type ReactNode, Suspense, useEffect, useRef } from "react";
import { Link } from "wouter";
import { Loading } from "./notice.tsx";

export interface Tab {
  readonly id: string;
  readonly label: string;
  readonly href: string;
}

/** Links between views of one thing, and the view that is chosen. */
export function Tabs({
  label,
  tabs,
  chosen,
  children,
}: {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly chosen: string;
  readonly children: ReactNode;
}): ReactNode {
  const nav = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: where the window is narrow, the chosen tab may be out of sight.
  useEffect(() => {
    const current = nav.current?.querySelector<HTMLElement>("[aria-current]");
    if (current) nav.current?.scrollTo({ left: current.offsetLeft - nav.current.offsetLeft - 16 });
  }, [chosen]);
  return (
    <>
      <nav ref={nav} className="tabs" aria-label={label}>
        {tabs.map((tab) => (
          <Link key={tab.id} href={tab.href} className="tab" aria-current={tab.id === chosen ? "page" : undefined}>
            {tab.label}
          </Link>
        ))}
      </nav>
      <Suspense fallback={<Loading />}>{children}</Suspense>
    </>
  );
}
