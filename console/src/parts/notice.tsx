/** What stands in a place that has nothing else to show: progress, emptiness, and failures. */
import type { ReactNode } from "react";
import { T } from "../texts/texts.ts";
import { toFailure } from "../wire/failure.ts";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";

/** Work that is under way. `children`: how far it is. */
export function Loading({ children }: { readonly children?: ReactNode }): ReactNode {
  return (
    <div className="loading" role="status">
      <span className="loading-bar" aria-hidden="true" />
      {children ?? T.loading}
    </div>
  );
}

/** A place without content, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      <p className="muted">{children}</p>
    </div>
  );
}

/** An error of the service: its sentence, its reason code and the id of the call. */
export function FailureNotice({
  error,
  lost,
  onRetry,
}: {
  readonly error: unknown;
  /** Of a change: what to say if no answer came, since it may be made anyway. */
  readonly lost?: string | undefined;
  readonly onRetry?: (() => unknown) | undefined;
}): ReactNode {
  const { sentence, reason, callId, isUnanswered } = toFailure(error);
  return (
    <div className="failure" role="alert">
      <p>{isUnanswered && lost !== undefined ? lost : sentence}</p>
      <p className="failure-facts">
        {reason !== "" && (
          <span>
            {T.failures.reason} <code>{reason}</code>
          </span>
        )}
        {callId !== "" && (
          <span>
            {T.failures.callId} <code>{callId}</code>
            <CopyButton text={callId} what={T.failures.callId} />
          </span>
        )}
      </p>
      {onRetry !== undefined && <Button onClick={() => void onRetry()}>{T.retry}</Button>}
    </div>
  );
}
