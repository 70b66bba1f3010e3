/** Sentences with parts: `{name}` stands for a node, so that each language has its own order. */
import { createElement, Fragment, type ReactNode } from "react";

/** Returns the text with its nodes in place. */
export function fill(text: string, nodes: Readonly<Record<string, ReactNode>>): ReactNode {
  const parts = text.split(/\{(\w+)\}/).map((part, index) => (index % 2 === 0 ? part : nodes[part]));
  return createElement(Fragment, null, ...parts);
}
