// Which members of our objects may be renamed in the bundle: those that nothing outside of js/src can ever see.
//
// A name is internal if the type checker finds every member of that name that js/src mentions declared in js/src, and not
// where names mean something outside: protocol.ts and verdict_protocol.ts (the wire), selection.ts (traits), widget.ts (what anywidget calls), an
// attribute, an object of the DOM or of JavaScript, or an object handed to one of their functions. A name that also stands
// somewhere in quotes is left alone, for it may be a key; and so is every name of an object that is read by computed keys.

import { readFile } from "node:fs/promises";
import path from "node:path";
import ts from "typescript";

/** Its names are never shortened, and nothing that travels with a widget comes from there. */
const SAVED_PAGE = ["src/page.ts", "src/page"];
const OUTSIDE = ["protocol.ts", "point_protocol.ts", "verdict_protocol.ts", "selection.ts", "widget.ts"];
/** Shorter ones gain nothing. */
const SHORTEST = 3;

export function internalNames(root) {
  const config = ts.readConfigFile(path.join(root, "tsconfig.json"), ts.sys.readFile).config;
  const { options, fileNames } = ts.parseJsonConfigFileContent(
    { ...config, include: ["src"], exclude: SAVED_PAGE },
    ts.sys,
    root,
  );
  const program = ts.createProgram(fileNames, options);
  const checker = program.getTypeChecker();
  const folder = path.join(root, "src") + path.sep;
  const ours = program.getSourceFiles().filter((file) => path.normalize(file.fileName).startsWith(folder));
  const inside = (declaration) => {
    const { fileName } = declaration.getSourceFile();
    return ours.some((file) => file.fileName === fileName) && !OUTSIDE.includes(path.basename(fileName));
  };

  const found = new Map(); // name -> whether all of its members so far are internal
  const note = (name, symbols) => {
    const internal = symbols.every(
      (symbol) => symbol?.declarations?.length && symbol.declarations.every(inside),
    );
    found.set(name, (found.get(name) ?? true) && internal);
  };
  // An interface of ours may describe an object of somebody else, such as anywidget's model: all that theirs have is theirs.
  const seen = new Set();
  const noteTheirs = (type) => {
    if (seen.has(type) || !type.symbol?.declarations || type.symbol.declarations.some(inside)) return;
    seen.add(type);
    for (const member of checker.getPropertiesOfType(type)) found.set(member.name, false);
  };
  // Where a key is computed, any member may be meant; and somebody else's function may look at all that it is given.
  const noteAll = (expression) => {
    const type = checker.getTypeAtLocation(expression);
    for (const part of type.isUnion() ? type.types : [type])
      if (!part.isClass())
        for (const member of checker.getPropertiesOfType(part)) found.set(member.name, false);
  };
  const isIndex = (key) => (checker.getTypeAtLocation(key).flags & ts.TypeFlags.NumberLike) !== 0;
  const isForeign = (call) => {
    const called = checker.getResolvedSignature(call)?.declaration;
    return !called || !inside(called);
  };
  const visit = (node) => {
    if (ts.isExpression(node)) noteTheirs(checker.getTypeAtLocation(node));
    if (ts.isElementAccessExpression(node) && !isIndex(node.argumentExpression)) noteAll(node.expression);
    if (ts.isCallOrNewExpression(node) && isForeign(node))
      for (const argument of node.arguments ?? []) noteAll(argument);
    if (ts.isStringLiteralLike(node)) found.set(node.text, false);
    else if (ts.isIdentifier(node) && isMemberName(node))
      note(node.text, isHandedOut(node, isForeign) ? [undefined] : symbolsOf(node, checker));
    ts.forEachChild(node, visit);
  };
  for (const file of ours) if (file.fileName.endsWith(".ts")) visit(file);
  const internal = [...found].filter(([name, ok]) => ok && name.length >= SHORTEST && name !== "constructor");
  return internal.map(([name]) => name).sort();
}

function isMemberName(node) {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isBindingElement(parent) && ts.isObjectBindingPattern(parent.parent))
    return (parent.propertyName ?? parent.name) === node;
  return (
    (ts.isObjectLiteralElement(parent) || ts.isTypeElement(parent) || ts.isClassElement(parent)) &&
    parent.name === node
  );
}

/** Whether it names a part, at any depth, of an object that is written down as an argument of somebody else's function. */
function isHandedOut(node, isForeign) {
  if (!ts.isObjectLiteralExpression(node.parent.parent)) return false;
  let part = node.parent.parent;
  while (PARTS.some((is) => is(part.parent))) part = part.parent;
  const call = part.parent;
  return ts.isCallOrNewExpression(call) && call.expression !== part && isForeign(call);
}

const PARTS = [
  ts.isObjectLiteralExpression,
  ts.isPropertyAssignment,
  ts.isSpreadAssignment,
  ts.isSpreadElement,
  ts.isArrayLiteralExpression,
  ts.isParenthesizedExpression,
  ts.isConditionalExpression,
  ts.isAsExpression,
  ts.isSatisfiesExpression,
];

/** Every member that the name stands for here; undefined for one that the checker does not know. */
function symbolsOf(node, checker) {
  const { parent } = node;
  const membersOf = (type) =>
    (type.isUnion() ? type.types : [type]).flatMap((one) =>
      one.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null)
        ? []
        : [checker.getPropertyOfType(one, node.text)],
    );
  if (ts.isBindingElement(parent)) return membersOf(checker.getTypeAtLocation(parent.parent));
  if (!ts.isObjectLiteralExpression(parent.parent)) return [checker.getSymbolAtLocation(node)];
  const wanted = checker.getContextualType(parent.parent);
  const written = checker.getPropertyOfType(checker.getTypeAtLocation(parent.parent), node.text);
  return wanted ? [written, ...membersOf(wanted)] : [written];
}

/** Private members as plain ones, `#cursor` as `private_0_3`, which then get one letter: TypeScript has kept them private. */
export const plainPrivates = {
  name: "plain privates",
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/].+\.ts$/ }, async ({ path: name }) => ({
      loader: "ts",
      contents: withArrows(name, withPlainPrivates(name, await readFile(name, "utf8"))),
    }));
  },
};

/** A class numbers its private members from the most used on; one that extends another has a series of its own. */
export function withPlainPrivates(name, text) {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
  const edits = [];
  const visit = (node, outer) => {
    const names = ts.isClassLike(node) ? new Map([...outer, ...numbered(node)]) : outer;
    if (ts.isPrivateIdentifier(node))
      edits.push({ from: node.getStart(file), to: node.end, name: names.get(node.text) });
    ts.forEachChild(node, (child) => visit(child, names));
  };
  visit(file, new Map());
  return edits.reduceRight((out, { from, to, name }) => out.slice(0, from) + name + out.slice(to), text);
}

/** A module's function that only returns an expression, as an arrow function: 15 bytes less each. */
export function withArrows(name, text) {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
  let out = text;
  for (const node of [...file.statements].reverse()) {
    if (!ts.isFunctionDeclaration(node) || node.asteriskToken || node.body?.statements.length !== 1) continue;
    const [only] = node.body.statements;
    if (!ts.isReturnStatement(only) || !only.expression || node.modifiers?.some(isDefaultOrAsync)) continue;
    const start = node.modifiers?.[0]?.getStart(file) ?? node.getStart(file);
    const head = text.slice(node.name.end, node.body.getStart(file));
    const exported = node.modifiers?.length ? "export " : "";
    const value = only.expression.getText(file);
    out = `${out.slice(0, start)}${exported}const ${node.name.text} = ${head} => (${value});${out.slice(node.end)}`;
  }
  return out;
}

const isDefaultOrAsync = ({ kind }) =>
  kind === ts.SyntaxKind.DefaultKeyword || kind === ts.SyntaxKind.AsyncKeyword;

function numbered(node) {
  const uses = new Map();
  const count = (part) => {
    if (ts.isPrivateIdentifier(part)) uses.set(part.text, (uses.get(part.text) ?? 0) + 1);
    ts.forEachChild(part, count);
  };
  count(node);
  const members = new Set(
    node.members.filter(({ name }) => name && ts.isPrivateIdentifier(name)).map(({ name }) => name.text),
  );
  const series = node.heritageClauses?.some(({ token }) => token === ts.SyntaxKind.ExtendsKeyword) ? 1 : 0;
  const sorted = [...members].sort((a, b) => uses.get(b) - uses.get(a));
  return sorted.map((name, k) => [name, `private_${series}_${k}`]);
}
