/** The console: who is signed in, and the page of the address. */
import { CSPProvider } from "@base-ui/react/csp-provider";
import { lazy, type ReactNode, Suspense } from "react";
import { Route, Router, Switch } from "wouter";
import { leave } from "../leaving/leaving.tsx";
import { Secrets } from "../pages/keys/secret-dialog.tsx";
import { NotFound } from "../pages/not-found.tsx";
import { UserSearch } from "../pages/users/user-search.tsx";
import { Loading } from "../parts/notice.tsx";
import { Toasts } from "../parts/toasts.tsx";
import { Layout } from "./layout.tsx";
import { PageGuard } from "./page-guard.tsx";
import { BASE } from "./routes.ts";
import { SessionProvider } from "./session.tsx";
import { SignInPage } from "./sign-in.tsx";

const HomePage = lazy(async () => ({ default: (await import("../pages/home/home-page.tsx")).HomePage }));
const LockedNow = lazy(async () => ({ default: (await import("../pages/restricted/locked-now.tsx")).LockedNow }));
const EndingSoon = lazy(async () => ({ default: (await import("../pages/restricted/ending-soon.tsx")).EndingSoon }));
const OrganizationsPage = lazy(async () => ({
  default: (await import("../pages/organizations/organizations-page.tsx")).OrganizationsPage,
}));
const KeysPage = lazy(async () => ({ default: (await import("../pages/keys/keys-page.tsx")).KeysPage }));
const HealthPage = lazy(async () => ({ default: (await import("../pages/health/health-page.tsx")).HealthPage }));
const PolicyPage = lazy(async () => ({ default: (await import("../pages/policy/policy-page.tsx")).PolicyPage }));
const EventsPage = lazy(async () => ({ default: (await import("../pages/events/events-page.tsx")).EventsPage }));
const UserPage = lazy(async () => ({ default: (await import("../pages/user/user-page.tsx")).UserPage }));

/** The whole page. */
export function App(): ReactNode {
  return (
    // Base UI would write style elements, which the content security policy refuses.
    <CSPProvider disableStyleElements>
      <Router base={BASE} aroundNav={(navigate, to, options) => leave(() => navigate(to, options), to)}>
        <SessionProvider signedOut={(signIn) => <SignInPage {...signIn} />}>
          <Toasts>
            <Layout>
              <PageGuard>
                <Suspense fallback={<Loading />}>
                  <Pages />
                </Suspense>
              </PageGuard>
            </Layout>
          </Toasts>
        </SessionProvider>
        <Secrets />
      </Router>
    </CSPProvider>
  );
}

function Pages(): ReactNode {
  return (
    <Switch>
      <Route path="/" component={HomePage} />
      <Route path="/events" component={EventsPage} />
      <Route path="/users" component={UserSearch} />
      <Route path="/users/*" component={UserPage} />
      <Route path="/locked" component={LockedNow} />
      <Route path="/ending" component={EndingSoon} />
      <Route path="/policy" component={PolicyPage} />
      <Route path="/organizations" component={OrganizationsPage} />
      <Route path="/keys" component={KeysPage} />
      <Route path="/health" component={HealthPage} />
      <Route component={NotFound} />
    </Switch>
  );
}
