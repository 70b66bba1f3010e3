/** The keys that work on every page: help, the jump to a user, and the pages. */
import { type ReactNode, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { CheckField, TextField } from "../parts/field.tsx";
import { Table } from "../parts/table.tsx";
import { T } from "../texts/texts.ts";
import { NAV, type NavItem, userPath } from "./routes.ts";
import { useSession } from "./session.tsx";

const STORED_AS = "lockkeeper-keys";
/** The key that comes before those of the pages. */
const GO = "g";
const GO_MS = 1_500;

/** The first free letter of each page's name is its key. */
function pageKeys(pages: readonly NavItem[]): ReadonlyMap<string, NavItem> {
  const keys = new Map<string, NavItem>();
  for (const page of pages) {
    const letter = [...page.label.toLowerCase()].find((each) => /[a-z]/.test(each) && !keys.has(each));
    if (letter !== undefined) keys.set(letter, page);
  }
  return keys;
}

function isStoredOn(): boolean {
  try {
    return localStorage.getItem(STORED_AS) !== "off";
  } catch {
    return true;
  }
}

function store(isOn: boolean): void {
  try {
    if (isOn) localStorage.removeItem(STORED_AS);
    else localStorage.setItem(STORED_AS, "off");
  } catch {
    // The browser stores nothing; the choice holds until the page is left.
  }
}

/** Listens to the keys, and shows the button of their help. */
export function Keyboard(): ReactNode {
  const { may } = useSession();
  const [, navigate] = useLocation();
  const [open, setOpen] = useState<"help" | "jump">();
  const [isOn, setIsOn] = useState(isStoredOn);
  useEffect(() => {
    if (!isOn) return;
    const pages = pageKeys(NAV.filter(({ permission }) => permission === undefined || may(permission)));
    let goUntil = 0;
    const listen = (event: KeyboardEvent): void => {
      if (!isForPage(event)) return;
      const page = event.timeStamp < goUntil ? pages.get(event.key) : undefined;
      goUntil = event.key === GO && page === undefined ? event.timeStamp + GO_MS : 0;
      if (page !== undefined) navigate(page.href);
      else if (event.key === "?") setOpen("help");
      else if (event.key === "/" && may("user.read")) setOpen("jump");
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [isOn, may, navigate]);
  const choose = (chosen: boolean): void => {
    store(chosen);
    setIsOn(chosen);
  };
  const close = (): void => setOpen(undefined);
  return (
    <>
      <Button kind="quiet" onClick={() => setOpen("help")}>
        {T.keyboard.title}
      </Button>
      {open === "help" && <HelpDialog isOn={isOn} onChoose={choose} onClose={close} />}
      {open === "jump" && <JumpDialog onClose={close} />}
    </>
  );
}

/** Keys in fields and dialogs are theirs, and those with a modifier the browser's. */
function isForPage(event: KeyboardEvent): boolean {
  const { target } = event;
  const isTyping = target instanceof Element && target.closest("input:not([type=checkbox]), select, textarea") !== null;
  return (
    !isTyping &&
    !event.defaultPrevented &&
    !event.ctrlKey &&
    !event.metaKey &&
    !event.altKey &&
    document.querySelector(".dialog") === null
  );
}

interface HelpDialogProps {
  readonly isOn: boolean;
  readonly onChoose: (isOn: boolean) => void;
  readonly onClose: () => void;
}

function HelpDialog({ isOn, onChoose, onClose }: HelpDialogProps): ReactNode {
  const { may } = useSession();
  const pages = pageKeys(NAV.filter(({ permission }) => permission === undefined || may(permission)));
  const rows = [
    { keys: ["?"], does: T.keyboard.help },
    ...(may("user.read") ? [{ keys: ["/"], does: T.keyboard.jump }] : []),
    ...[...pages].map(([key, { label }]) => ({ keys: [GO, key], does: T.keyboard.goTo(label) })),
  ];
  return (
    <Dialog
      open
      onClose={onClose}
      title={T.keyboard.title}
      lead={T.keyboard.lead}
      onSubmit={onClose}
      actions={
        <Button type="submit" kind="primary">
          {T.close}
        </Button>
      }
    >
      <Table
        caption={T.keyboard.caption}
        rows={rows}
        keyOf={({ keys }) => keys.join(" ")}
        columns={[
          { id: "key", head: T.keyboard.key, cell: ({ keys }) => <Keys keys={keys} /> },
          { id: "does", head: T.keyboard.does, cell: ({ does }) => does },
        ]}
      />
      <CheckField label={T.keyboard.isOn} checked={isOn} onChange={(event) => onChoose(event.target.checked)} />
    </Dialog>
  );
}

function Keys({ keys }: { readonly keys: readonly string[] }): ReactNode {
  const [first, second] = keys;
  return (
    <>
      <kbd>{first}</kbd>
      {second !== undefined && (
        <>
          {" "}
          {T.keyboard.next} <kbd>{second}</kbd>
        </>
      )}
    </>
  );
}

function JumpDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [id, setId] = useState("");
  const [isTried, setIsTried] = useState(false);
  const [, navigate] = useLocation();
  const submit = (): void => {
    setIsTried(true);
    if (id.trim() === "") return;
    onClose();
    navigate(userPath(id.trim()));
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={T.keyboard.jumpTitle}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{T.cancel}</Button>
          <Button type="submit" kind="primary">
            {T.keyboard.go}
          </Button>
        </>
      }
    >
      <TextField
        label={T.keyboard.jumpId}
        hint={T.keyboard.jumpHint}
        error={isTried && id.trim() === "" ? T.keyboard.jumpMissing : undefined}
        maxLength={200}
        value={id}
        onChange={(event) => setId(event.target.value)}
      />
    </Dialog>
  );
}
