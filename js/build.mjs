// Bundles the frontend into the Python package:
//   node build.mjs            writes  widget_pkg/filterscope/static/widget.js and widget.css
//   node build.mjs --check    builds in memory and exits 1 where the committed files differ
//
// Both files begin with one banner line that holds a hash of what they were built from, so that a test without Node can
// tell a stale bundle. The recipe, to be followed to the byte by anyone who recomputes it:
//
//   files  = every file below js/src (all levels), and js/build.mjs, js/internal_names.mjs, js/package-lock.json
//   paths  = their paths relative to js/, with "/" between the parts ("src/widget.ts", "build.mjs"),
//            sorted by their UTF-8 bytes (Python: sorted() over ASCII paths)
//   sha256 = SHA-256 over, for each path in that order: path (UTF-8) + NUL + the file's bytes + NUL
//
// as lower-case hex in:  /* filterscope frontend, built by js/build.mjs; sources sha256:<hex> */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";
import { internalNames, plainPrivates } from "./internal_names.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.join(here, "..", "widget_pkg", "filterscope", "static");
const limit = 60_000; // bytes, script and style sheet together: the bundle travels in full with every instance

const builtins = Object.fromEntries(
  [
    ...["floor", "max", "min", "round", "ceil", "abs"].map((name) => `Math.${name}`),
    ...["isFinite", "isNaN", "NEGATIVE_INFINITY"].map((name) => `Number.${name}`),
  ].map((name) => [name, name.replace(".", "_")]),
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

async function bundle() {
  const banner = `/* filterscope frontend, built by js/build.mjs; sources sha256:${await sourcesHash()} */`;
  const result = await esbuild.build({
    absWorkingDir: here,
    entryPoints: [
      { in: "src/widget.ts", out: "widget" },
      { in: "src/style.css", out: "widget" },
    ],
    outdir: "static",
    bundle: true,
    minify: true,
    mangleProps: new RegExp(`^(private_.*|${internalNames(here).join("|")})$`),
    plugins: [plainPrivates],
    inject: ["src/builtins.ts"],
    define: { ...builtins, "Number.POSITIVE_INFINITY": "Infinity" },
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    write: false,
    logLevel: "warning",
  });
  return result.outputFiles.map((file) => ({
    name: path.basename(file.path),
    text: `${banner}\n${file.text}`,
  }));
}

const files = await bundle();
const size = files.reduce((sum, file) => sum + Buffer.byteLength(file.text), 0);
if (size > limit) {
  console.error(`The bundle has ${size} bytes, more than the ${limit} it may have.`);
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
console.log(`${files.map((file) => file.name).join(" + ")}: ${size} bytes`);
