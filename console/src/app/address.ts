/** What an address says behind its question mark. */
import { useCallback, useMemo } from "react";
import { navigate, useSearch } from "wouter/use-browser-location";
import { leave } from "../leaving/leaving.tsx";

/** `replace`: the back button does not lead to the values of before. */
export type SetAddress = (next: Readonly<Record<string, string>>, options?: { readonly replace?: boolean }) => void;

/**
 * Returns the values of the address, and how to replace them all. The router's own hook decodes them twice, which makes a
 * search for `A` of one for `%41`.
 */
export function useAddress(): readonly [URLSearchParams, SetAddress] {
  const search = useSearch();
  const values = useMemo(() => new URLSearchParams(search), [search]);
  const set = useCallback<SetAddress>((next, options) => {
    const text = new URLSearchParams(next).toString();
    const to = window.location.pathname + (text === "" ? "" : `?${text}`);
    // Another view of the page does not leave it: a dialog closes after its answer.
    if (options?.replace === true) navigate(to, options);
    else leave(() => navigate(to), to);
  }, []);
  return [values, set];
}
