/**
 * Takes the pictures of docs/: `node test/support/console-pictures.ts`. With a folder it takes every page there, light, dark
 * and as wide as a telephone, to be looked at.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { NAV, userPath } from "../../console/src/app/routes.ts";
import { startConsole } from "./console.ts";
import { BUSY_USER, HOSTILE_NAMES, seedDesk, seedHostile } from "./console-data.ts";

/** Of 1: below it letters have a fringe. */
const QUALITY = 0.9;

const USER = userPath(BUSY_USER);

interface Picture {
  readonly name: string;
  readonly path: string;
  readonly isDark?: boolean;
  readonly isNarrow?: boolean;
}

/** Those of the documentation. */
const SHOWN: readonly Picture[] = [
  { name: "user", path: userPath("alan.turing") },
  { name: "lock", path: `${userPath("ada.lovelace")}?act=lock` },
  { name: "timeline", path: `${USER}/timeline` },
  { name: "explain", path: `${USER}/explain`, isDark: true },
  { name: "locked", path: "/locked" },
  { name: "phone", path: USER, isNarrow: true },
];

const TABS = ["", "/timeline", "/sessions", "/attempts", "/explain", "/json"];

function everyPicture(): readonly Picture[] {
  const paths = [
    ...NAV.map(({ href }) => href),
    ...TABS.map((tab) => USER + tab),
    userPath("alan.turing"),
    `${userPath("alan.turing")}?act=unban`,
    `${USER}?act=ban`,
    userPath(HOSTILE_NAMES[0]?.[0] ?? ""),
    userPath(HOSTILE_NAMES[4]?.[0] ?? ""),
    userPath("nobody"),
    "/users?q=nobody",
  ];
  return paths.flatMap((path) => {
    const name = path.replaceAll(/[^a-z]+/g, "-").slice(0, 40);
    return [
      { name: `${name}.light`, path },
      { name: `${name}.dark`, path, isDark: true },
      { name: `${name}.narrow`, path, isNarrow: true },
    ];
  });
}

async function take(tab: Page, folder: string, { name, path, isDark, isNarrow }: Picture): Promise<void> {
  await tab.emulateMedia({ colorScheme: isDark === true ? "dark" : "light", reducedMotion: "reduce" });
  await tab.setViewportSize(isNarrow === true ? { width: 390, height: 700 } : { width: 1100, height: 680 });
  await tab.evaluate(`history.pushState(null, "", ${JSON.stringify(`/console${path}`)})`);
  await tab.locator("#content h1, #content [role=alert]").first().waitFor();
  await tab.waitForTimeout(600);
  await tab.evaluate("document.activeElement?.blur()");
  const picture = await tab.screenshot({ animations: "disabled" });
  await writeFile(join(folder, `${name}.webp`), await toWebp(tab, picture));
}

/** Returns a picture in a third of its bytes: the package has those of the documentation. */
async function toWebp(tab: Page, png: Buffer): Promise<Buffer> {
  const drawer = await tab.context().newPage();
  const url = await drawer.evaluate(`(async () => {
    const image = new Image();
    image.src = "data:image/png;base64,${png.toString("base64")}";
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", ${QUALITY});
  })()`);
  await drawer.close();
  return Buffer.from(String(url).replace(/^.*,/, ""), "base64");
}

const cleanups: (() => unknown)[] = [];
try {
  const service = await startConsole({ after: (cleanup) => cleanups.push(cleanup) });
  await seedDesk(service);
  const [folder = join(import.meta.dirname, "../../docs/pictures")] = process.argv.slice(2);
  const isEvery = process.argv[2] !== undefined;
  if (isEvery) await seedHostile(service);
  await mkdir(folder, { recursive: true });
  const { tab } = await service.signIn("/");
  for (const picture of isEvery ? everyPicture() : SHOWN) await take(tab, folder, picture);
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}
