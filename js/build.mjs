// Bundles the frontend into the Python package:
//   node build.mjs            writes  widget.js, widget.css, panels.js, exemplars.js, timeline.js, lab.js, surgery.js,
//                                     page.js, page_lab.js, page_timeline.js and page.css into widget_pkg/filterscope/static
//   node build.mjs --check    builds in memory and exits 1 where the committed files differ
//
// The later modules, panels.js, exemplars.js and timeline.js, are for views that have painted their first picture
// (src/view/host.ts), and lab.js and surgery.js for those where a person opened the lab, or the tray.
// page.js and page.css (src/saved_page.ts) are all modules and the style sheet in a page that was saved;
// page_lab.js (src/saved_lab.ts) stands in those that were saved with a lab, besides, and page_timeline.js
// (src/saved_timeline.ts) in those that were saved with a layer over the checkpoints.
//
// All files begin with one banner line that holds a hash of what they were built from, so that a test without Node can
// tell a stale bundle. The recipe, to be followed to the byte by anyone who recomputes it:
//
//   files  = every file below js/src (all levels), and js/build.mjs, js/package-lock.json
//   paths  = their paths relative to js/, with "/" between the parts ("src/widget.ts", "build.mjs"),
//            sorted by their UTF-8 bytes (Python: sorted() over ASCII paths)
//   sha256 = SHA-256 over, for each path in that order: path (UTF-8) + NUL + the file's bytes + NUL
//
// as lower-case hex in:  /* filterscope, sources sha256:<hex> */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.join(here, "..", "widget_pkg", "filterscope", "static");
/**
 * The most bytes that a file may have after gzip, as notebook servers and archives compress it: the first module travels
 * with every instance, the later ones once with every view, the last with every saved page.
 */
const LIMITS = {
  "widget.js": 30_000,
  "panels.js": 30_000,
  "exemplars.js": 30_000,
  "timeline.js": 30_000,
  "lab.js": 30_000,
  "surgery.js": 30_000,
  "page.js": 64_000,
  "page_lab.js": 30_000,
  "page_timeline.js": 30_000,
};

const entryPoints = [
  { in: "src/widget.ts", out: "widget" },
  { in: "src/styles/widget.css", out: "widget" },
  { in: "src/panels.ts", out: "panels" },
  { in: "src/exemplars.ts", out: "exemplars" },
  { in: "src/timeline.ts", out: "timeline" },
  { in: "src/lab.ts", out: "lab" },
  { in: "src/surgery.ts", out: "surgery" },
  { in: "src/saved_page.ts", out: "page" },
  { in: "src/saved_lab.ts", out: "page_lab" },
  { in: "src/saved_timeline.ts", out: "page_timeline" },
  { in: "src/styles/saved_page.css", out: "page" },
];

async function sourcesHash() {
  const entries = await readdir(path.join(here, "src"), { recursive: true, withFileTypes: true });
  const sources = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(here, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"));
  const hash = createHash("sha256");
  for (const name of [...sources, "build.mjs", "package-lock.json"].sort()) {
    hash.update(name).update("\0");
    hash.update(await readFile(path.join(here, name))).update("\0");
  }
  return hash.digest("hex");
}

/** A style sheet as text, for a module that has its own inside of it. */
const styleText = {
  name: "style text",
  setup(build) {
    build.onResolve({ filter: /\.css\?inline$/ }, ({ path: name, resolveDir }) => ({
      path: path.join(resolveDir, name.replace("?inline", "")),
      namespace: "style-text",
    }));
    build.onLoad({ filter: /./, namespace: "style-text" }, async ({ path: name }) => {
      const { code } = await esbuild.transform(await readFile(name, "utf8"), { loader: "css", minify: true });
      return { loader: "text", contents: code };
    });
  },
};

async function bundle() {
  const banner = `/* filterscope, sources sha256:${await sourcesHash()} */`;
  const { outputFiles } = await esbuild.build({
    absWorkingDir: here,
    entryPoints,
    outdir: "static",
    bundle: true,
    minify: true,
    plugins: [styleText],
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    write: false,
    logLevel: "warning",
  });
  return [
    ...outputFiles.map((file) => ({ name: path.basename(file.path), text: `${banner}\n${file.text}` })),
    // The colours, for the pictures that Python draws.
    { name: "palettes.json", text: await readFile(path.join(here, "src/draw/palette.json"), "utf8") },
  ];
}

const files = (await bundle()).map((file) => ({
  ...file,
  raw: Buffer.byteLength(file.text),
  gzipped: gzipSync(file.text, { level: 9 }).length,
}));
const tooLarge = files.filter(({ name, gzipped }) => gzipped > (LIMITS[name] ?? Infinity));
for (const { name, gzipped } of tooLarge)
  console.error(`${name} has ${gzipped} bytes gzipped, more than the ${LIMITS[name]} it may have.`);
if (tooLarge.length > 0) process.exit(1);

if (process.argv.includes("--check")) {
  const stale = [];
  for (const file of files) {
    const committed = await readFile(path.join(target, file.name), "utf8").catch(() => "");
    if (committed !== file.text) stale.push(file.name);
  }
  if (stale.length > 0) {
    console.error(
      `Not what the sources build: ${stale.join(", ")}. Run "npm run build" in js/ and commit the result.`,
    );
    process.exit(1);
  }
} else {
  await mkdir(target, { recursive: true });
  for (const file of files) await writeFile(path.join(target, file.name), file.text);
}
for (const { name, raw, gzipped } of files) console.log(`${name}: ${raw} bytes, ${gzipped} gzipped`);
