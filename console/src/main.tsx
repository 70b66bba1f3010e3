/** The entry of the console: shows it in the page. */
import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import { applyTheme, storedTheme } from "./app/theme.ts";
import { keepFocus, keepTitle, runEffectsBeforeInput } from "./app/window.ts";
import { heedBackButton } from "./leaving/leaving.tsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/shell.css";
import "./styles/pages.css";
import "./styles/events.css";
import "./styles/lists.css";
import "./styles/policy.css";
import "./styles/settings.css";

runEffectsBeforeInput();
applyTheme(storedTheme());
const root = document.getElementById("console");
if (root !== null) {
  keepTitle(root);
  keepFocus();
  heedBackButton();
  createRoot(root).render(<App />);
}
