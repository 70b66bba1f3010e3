/** The frame of every page: the menu, the caller, and the content. */

import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { leave } from "../leaving/leaving.tsx";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import { isolate } from "../texts/isolate.ts";
import { T } from "../texts/texts.ts";
import { Keyboard } from "./keyboard.tsx";
import { NAV } from "./routes.ts";
import { useSession } from "./session.tsx";
import { applyTheme, storedTheme, THEMES, type Theme } from "./theme.ts";

/** The frame around `children`. */
export function Layout({ children }: { readonly children: ReactNode }): ReactNode {
  const [location] = useLocation();
  const [isMenuOpen, setIsMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const shown = useRef(location);
  useEffect(() => {
    // A new page begins at its top, for those who hear it too.
    setIsMenuOpen(false);
    // A dialog that stays over all pages keeps the focus.
    if (shown.current !== location && document.querySelector(".dialog") === null) main.current?.focus();
    shown.current = location;
  }, [location]);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {T.skip}
      </a>
      <header className="side" data-open={isMenuOpen || undefined}>
        <div className="side-head">
          <Link href="/" className="brand">
            <span className="brand-mark">
              <Icon name="lock" />
            </span>
            {T.product}
          </Link>
          <button
            type="button"
            className="copy menu-button"
            aria-expanded={isMenuOpen}
            aria-label={T.nav.menu}
            onClick={() => setIsMenuOpen(!isMenuOpen)}
          >
            <Icon name={isMenuOpen ? "close" : "menu"} />
          </button>
        </div>
        <div className="side-body">
          <Menu location={location} />
          <Caller />
        </div>
      </header>
      <main id="content" ref={main} className="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Menu({ location }: { readonly location: string }): ReactNode {
  const { may } = useSession();
  return (
    <nav className="menu" aria-label={T.nav.label}>
      {NAV.filter(({ permission }) => permission === undefined || may(permission)).map(({ href, label }) => (
        <Link
          key={href}
          href={href}
          className="menu-item"
          aria-current={location === href || location.startsWith(`${href}/`) ? "page" : undefined}
        >
          {label}
        </Link>
      ))}
    </nav>
  );
}

function Caller(): ReactNode {
  const { who, signOut } = useSession();
  const [theme, setTheme] = useState(storedTheme);
  const choose = (chosen: Theme): void => {
    applyTheme(chosen);
    setTheme(chosen);
  };
  return (
    <div className="caller">
      <label className="caller-theme">
        {T.themes.label}
        <select
          className="input select"
          value={theme}
          onChange={(event) => choose(THEMES.find((each) => each === event.target.value) ?? "system")}
        >
          {THEMES.map((each) => (
            <option key={each} value={each}>
              {T.themes[each]}
            </option>
          ))}
        </select>
      </label>
      <div className="caller-who">
        <bdi className="caller-name" title={who.actor}>
          {who.displayName || who.actor}
        </bdi>
        <span className="muted">
          {[who.role, who.organizationId === "" ? T.account.whole : T.account.organization(isolate(who.organizationId))]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </div>
      <Button onClick={() => leave(signOut)}>{T.account.signOut}</Button>
      <Keyboard />
    </div>
  );
}
