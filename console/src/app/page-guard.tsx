/** Shows what became of a page that failed in place of it, so that the frame around it stays. */
import { Component, type ReactNode } from "react";
import { useLocation } from "wouter";
import { Button } from "../parts/button.tsx";
import { T } from "../texts/texts.ts";

/** Guards `children`. After a failure it shows them again at another address. */
export function PageGuard({ children }: { readonly children: ReactNode }): ReactNode {
  const [place] = useLocation();
  return <Guard place={place}>{children}</Guard>;
}

interface GuardProps {
  readonly place: string;
  readonly children: ReactNode;
}

interface GuardState {
  readonly hasFailed: boolean;
}

class Guard extends Component<GuardProps, GuardState> {
  override state: GuardState = { hasFailed: false };

  static getDerivedStateFromError(): GuardState {
    return { hasFailed: true };
  }

  override componentDidUpdate(before: GuardProps): void {
    if (before.place !== this.props.place && this.state.hasFailed) this.setState({ hasFailed: false });
  }

  override render(): ReactNode {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <div className="failure" role="alert">
        <p>{T.failures.page}</p>
        <Button onClick={() => window.location.reload()}>{T.failures.reload}</Button>
      </div>
    );
  }
}
