/** A card: one thing with its title, its facts and what can be done with it. */
import type { ReactNode } from "react";

/** A card. */
export function Card({
  title,
  aside,
  tone,
  level: Heading = "h3",
  children,
}: {
  readonly title: ReactNode;
  /** At the right of the title: a tag or buttons. */
  readonly aside?: ReactNode;
  readonly tone?: Tone | undefined;
  /** Of its title: one below the heading that it stands under. */
  readonly level?: "h2" | "h3";
  readonly children: ReactNode;
}): ReactNode {
  return (
    <section className={`card${tone === undefined ? "" : ` card-${tone}`}`}>
      <header className="card-head">
        <Heading className="card-title">{title}</Heading>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** How a thing is meant: by colour, and never by colour alone. */
export type Tone = "good" | "warn" | "bad" | "calm";

/** One word about a thing. */
export function Tag({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactNode {
  return <span className={`tag tag-${tone}`}>{children}</span>;
}

/** Names and values; what has no value is left out. */
export function Facts({ of }: { readonly of: readonly (readonly [name: string, value: ReactNode])[] }): ReactNode {
  return (
    <dl className="facts">
      {of
        .filter(([, value]) => value !== undefined && value !== "" && value !== null)
        .map(([name, value]) => (
          <div key={name} className="fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
