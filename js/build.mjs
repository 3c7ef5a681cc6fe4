// Bundles the frontend into the Python package:
//   node build.mjs            writes  widget.js, widget.css, panels.js, page.js and page.css
//                                     into widget_pkg/filterscope/static
//   node build.mjs --check    builds in memory and exits 1 where the committed files differ
//
// The second module, panels.js, is for views that have painted their first picture (src/seam.ts). All are made together,
// because their short names must agree. page.js and page.css (src/page.ts) are both modules and the style sheet in a page
// that was saved.
//
// All files begin with one banner line that holds a hash of what they were built from, so that a test without Node can
// tell a stale bundle. The recipe, to be followed to the byte by anyone who recomputes it:
//
//   files  = every file below js/src (all levels), and js/build.mjs, js/internal_names.mjs, js/package-lock.json
//   paths  = their paths relative to js/, with "/" between the parts ("src/widget.ts", "build.mjs"),
//            sorted by their UTF-8 bytes (Python: sorted() over ASCII paths)
//   sha256 = SHA-256 over, for each path in that order: path (UTF-8) + NUL + the file's bytes + NUL
//
// as lower-case hex in:  /* filterscope, sources sha256:<hex> */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";
import { internalNames, plainPrivates } from "./internal_names.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.join(here, "..", "widget_pkg", "filterscope", "static");
// In bytes: the first travels in full with every instance, script and style sheet; the second once with every view.
const limits = [
  { names: ["widget.js", "widget.css"], limit: 60_000 },
  { names: ["panels.js"], limit: 60_000 },
  { names: ["page.js", "page.css"], limit: 200_000 },
];

const entries = [
  [
    { in: "src/widget.ts", out: "widget" },
    { in: "src/style.css", out: "widget" },
  ],
  [{ in: "src/panels.ts", out: "panels" }],
];
/** The saved page has both modules in one, and no limit but good sense: it never travels to a notebook. */
const savedPage = [
  { in: "src/page.ts", out: "page" },
  { in: "src/page/page.css", out: "page" },
];

const builtins = Object.fromEntries(
  [
    ...["setTimeout", "clearTimeout"].map((name) => `global.${name}`),
    ...["floor", "max", "min", "round", "ceil", "abs"].map((name) => `Math.${name}`),
    ...["isFinite", "isNaN", "NEGATIVE_INFINITY"].map((name) => `Number.${name}`),
  ].map((name) => [name.replace("global.", ""), name.replace(".", "_")]),
);

async function sourcesHash() {
  const entries = await readdir(path.join(here, "src"), { recursive: true, withFileTypes: true });
  const sources = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(here, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"));
  const hash = createHash("sha256");
  for (const name of [...sources, "build.mjs", "internal_names.mjs", "package-lock.json"].sort()) {
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

/** Our own CSS variables by a number: the most used first, in all modules the same. */
function shortNames(texts) {
  const found = texts.join(" ").match(/--fs-[a-z-]+/g) ?? [];
  const uses = (name) => found.filter((one) => one === name).length;
  const names = [...new Set(found)].sort().sort((a, b) => uses(b) - uses(a));
  return (text) => text.replace(/--fs-[a-z-]+/g, (name) => `--fs${names.indexOf(name).toString(36)}`);
}

async function bundle() {
  const banner = `/* filterscope, sources sha256:${await sourcesHash()} */`;
  const shared = {
    absWorkingDir: here,
    outdir: "static",
    bundle: true,
    minify: true,
    mangleProps: new RegExp(`^(private_.*|${internalNames(here).join("|")})$`),
    plugins: [plainPrivates, styleText],
    inject: ["src/builtins.ts"],
    define: { ...builtins, "Number.POSITIVE_INFINITY": "Infinity" },
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    write: false,
    logLevel: "warning",
  };
  // One after the other: each keeps the short names that those before it gave.
  let mangleCache = {};
  const files = [];
  for (const entryPoints of entries) {
    const result = await esbuild.build({ ...shared, entryPoints, mangleCache });
    mangleCache = result.mangleCache;
    files.push(...result.outputFiles);
  }
  const short = shortNames(files.map((file) => file.text));
  const whole = await esbuild.build({ ...shared, entryPoints: savedPage, mangleProps: undefined });
  files.push(...whole.outputFiles);
  const bundled = files.map((file) => ({
    name: path.basename(file.path),
    text: `${banner}\n${whole.outputFiles.includes(file) ? file.text : short(file.text)}`,
  }));
  // The colours, for the pictures that Python draws.
  return [
    ...bundled,
    { name: "palettes.json", text: await readFile(path.join(here, "src/palettes.json"), "utf8") },
  ];
}

const files = await bundle();
const parts = limits.map(({ names, limit }) => {
  const found = files.filter((file) => names.includes(file.name));
  return { names, limit, size: found.reduce((sum, file) => sum + Buffer.byteLength(file.text), 0) };
});
for (const { names, limit, size } of parts) {
  if (size <= limit) continue;
  console.error(`${names.join(" + ")} has ${size} bytes, more than the ${limit} it may have.`);
  process.exit(1);
}

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
for (const { names, size } of parts) console.log(`${names.join(" + ")}: ${size} bytes`);
