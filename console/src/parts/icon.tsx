/** The few icons of the console, drawn with lines. */
import type { ReactNode } from "react";

const PATHS = {
  check: "M3 8.5l3.2 3.2L13 5",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5V3a1 1 0 011-1H13a1 1 0 011 1v6.500a1 1 0 01-1 1h-2.500M3 5.500h6.500a1 1 0 011 1V13a1 1 0 01-1 1H3a1 1 0 01-1-1V6.500a1 1 0 011-1z",
  lock: "M4 7.500h8v6H4zM5.500 7.500V5a2.500 2.500 0 015 0v2.500",
  menu: "M2 4h12M2 8h12M2 12h12",
  search: "M7 12A5 5 0 107 2a5 5 0 000 10zM11 11l3.500 3.500",
  user: "M8 8a3 3 0 100-6 3 3 0 000 6zM2.500 14.500c.5-3 2.700-4.500 5.500-4.500s5 1.500 5.500 4.500",
} as const;

export type IconName = keyof typeof PATHS;

/** An icon next to a text, or in a button that has a label: screen readers leave it out. */
export function Icon({ name }: { readonly name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
