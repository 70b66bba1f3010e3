/** The page for those who are not signed in: paste a key, or go to an issuer. */
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { Button } from "../parts/button.tsx";
import { TextField } from "../parts/field.tsx";
import { fill } from "../parts/fill.tsx";
import { Icon } from "../parts/icon.tsx";
import { FailureNotice, Loading } from "../parts/notice.tsx";
import { T } from "../texts/texts.ts";
import { CALLBACK_PATH, finishSignIn, hostOf, IssuerError, startSignIn } from "./oidc.ts";
import { BASE } from "./routes.ts";
import type { SignIn } from "./session.tsx";
import { type Issuer, readSettings, type Settings } from "./settings.ts";

const NO_SETTINGS: Settings = { version: "", issuers: [] };

/** The page. It stays at the address that was asked for, and gives way to it. */
export function SignInPage({ signIn, ended }: SignIn): ReactNode {
  const [{ issuers, version }, setSettings] = useState(NO_SETTINGS);
  const [trouble, setTrouble] = useState<unknown>();
  const [location, navigate] = useLocation();
  const isCallback = location === CALLBACK_PATH;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page is opened.
  useEffect(() => {
    const open = async (): Promise<void> => {
      const settings = await readSettings();
      setSettings(settings);
      if (!isCallback) return;
      const query = window.location.search;
      // The code is used up, and nothing of it stays in the history of the browser.
      navigate("/", { replace: true });
      const { token, path } = await finishSignIn(settings.issuers, query);
      await signIn({ kind: "token", secret: token });
      navigate(path, { replace: true });
    };
    open().catch(setTrouble);
  }, []);
  return (
    <main className="sign-in">
      <div className="sign-in-box">
        <span className="brand-mark brand-mark-large">
          <Icon name="lock" />
        </span>
        <h1>{T.signIn.title}</h1>
        <p className="muted">{T.signIn.lead}</p>
        {!window.isSecureContext && <p className="failure">{T.signIn.notEncrypted}</p>}
        {ended !== undefined && (
          <p className="failure" role="alert">
            {ended}
          </p>
        )}
        {trouble !== undefined && <SignInFailure error={trouble} />}
        {isCallback ? <Loading>{T.signIn.callback}</Loading> : <KeyForm signIn={signIn} />}
        {issuers.length > 0 && <Issuers issuers={issuers} onFailure={setTrouble} />}
        <p className="sign-in-version">
          {T.product} {version} · <a href={`${BASE}/THIRD-PARTY-NOTICES.txt`}>{T.signIn.notices}</a>
        </p>
      </div>
    </main>
  );
}

function SignInFailure({ error }: { readonly error: unknown }): ReactNode {
  if (!(error instanceof IssuerError)) return <FailureNotice error={error} />;
  return (
    <p className="failure" role="alert">
      {fill(T.signIn.issuerFailed(error.host), { why: <bdi>{error.message}</bdi> })}
    </p>
  );
}

function KeyForm({ signIn }: Pick<SignIn, "signIn">): ReactNode {
  const [key, setKey] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [trouble, setTrouble] = useState<unknown>();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const secret = key.trim();
    setTrouble(undefined);
    // A header takes visible ASCII alone.
    if (!/^[!-~]+$/.test(secret)) {
      setError(secret === "" ? T.signIn.keyMissing : T.signIn.refused);
      return;
    }
    setError(undefined);
    setIsBusy(true);
    signIn({ kind: "key", secret })
      .catch(setTrouble)
      .finally(() => setIsBusy(false));
  };
  return (
    <form className="stack" onSubmit={submit} noValidate>
      <TextField
        label={T.signIn.key}
        hint={T.signIn.keyHint}
        error={error}
        type="password"
        name="key"
        value={key}
        autoFocus
        onChange={(event) => setKey(event.target.value)}
      />
      {trouble !== undefined && <FailureNotice error={trouble} />}
      <Button type="submit" kind="primary" busy={isBusy}>
        {T.signIn.submit}
      </Button>
    </form>
  );
}

function Issuers({
  issuers,
  onFailure,
}: {
  readonly issuers: readonly Issuer[];
  readonly onFailure: (error: unknown) => void;
}): ReactNode {
  return (
    <div className="stack">
      <p className="or">{T.signIn.or}</p>
      {issuers.map((issuer) => (
        <Button key={issuer.issuer} onClick={() => void startSignIn(issuer).catch(onFailure)}>
          {T.signIn.withIssuer(hostOf(issuer))}
        </Button>
      ))}
    </div>
  );
}
