/* The page side of VS Code's Jupyter extension, as far as a widget can tell: it makes VS Code's own widget manager from a
   kernel and a script loader, and puts each widget output into the page through it. `window.host` is what tests call.

   ipywidgets.js is @vscode/jupyter-ipywidgets8 as published; vscode_host.py adds one line that exports its module table,
   so that the kernel client is the @jupyterlab/services that the manager itself was built with. */

import { activate, modulesInside, requireInside } from "./ipywidgets.js";

const VIEW = "application/vnd.jupyter.widget-view+json";
/** What the editor does with these keys when they reach it: its list of cells moves on, and takes the focus along. */
const MOVES_TO_ANOTHER_CELL = new Set(["ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

/** A class out of the packages inside the manager's bundle. */
function inside(name) {
  const declares = new RegExp(`\\.${name}=void 0`);
  const id = Object.keys(modulesInside).find((key) => declares.test(String(modulesInside[key])));
  return requireInside(id)[name];
}

/** Playwright waits for a promise of the page without an end. */
function soon(promise, complaint) {
  const late = new Promise((_, reject) => setTimeout(() => reject(Error(complaint)), limit));
  return Promise.race([promise, late]);
}

const themes = await (await fetch("themes.json")).json();
const container = document.getElementById("container");
const outputs = [];
let kernel;
let manager;
let limit;

/** The extension's script loader: tells require.js where in the kernel's nbextensions folder a widget's module lies. */
function scriptLoader(scripts) {
  const registered = new Set();
  return {
    widgetsRegisteredInRequireJs: registered,
    async loadWidgetScript(name) {
      if (!(name in scripts)) throw Error(`No nbextension of this environment has ${name}.`);
      window.requirejs.config({ paths: { [name]: scripts[name] } });
      registered.add(name);
    },
    successHandler() {},
    errorHandler(className, moduleName, _version, error) {
      console.error(`Could not load ${moduleName} ${className}: ${error}`);
    },
  };
}

/** The elements that the extension's renderer makes around a widget. */
async function render(data) {
  const output = document.createElement("div");
  output.className = "output cell-output-ipywidget-background";
  const background = document.createElement("div");
  background.className = "cell-output-ipywidget-background";
  const first = document.createElement("div");
  first.className = "cell-output";
  background.append(first);
  output.append(background);
  container.append(output);
  outputs.push(output);
  const model = await manager.get_model(data.model_id);
  const view = await manager.create_view(model, { el: background });
  await manager.display_view(data, view, { node: background });
}

window.host = {
  /** Keys that went through the widget to the editor, and how far the editor was told to scroll. */
  keys: [],
  scrolled: 0,

  /** `server`: Jupyter's address, `scripts`: widget module name → address without ".js", `limit`: of all waits, in ms. */
  async start({ kernelId, server, token, scripts, limit: milliseconds }) {
    limit = milliseconds;
    const serverSettings = inside("ServerConnection").makeSettings({
      baseUrl: `${server}/`,
      wsUrl: `${server.replace(/^http/, "ws")}/`,
      token,
      appendToken: true,
    });
    kernel = new (inside("KernelConnection"))({
      model: { id: kernelId, name: "python3" },
      serverSettings,
      handleComms: true,
    });
    await soon(kernel.info, "the kernel did not answer");
    activate();
    window.vscIPyWidgets8.load();
    // The extension gives no element: it names one with each display_view.
    manager = new window.vscIPyWidgets.WidgetManager(kernel, undefined, scriptLoader(scripts), () => {});
  },

  /** Runs a cell and shows its widgets; an error in it is thrown. */
  async run(code) {
    const shown = [];
    const future = kernel.requestExecute({ code });
    future.onIOPub = ({ content }) => {
      const data = content.data?.[VIEW];
      if (!data) return;
      const rendered = render(data);
      rendered.catch(() => {}); // thrown below: it may fail before the cell has ended, and is not unhandled then
      shown.push(rendered);
    };
    const { content } = await soon(future.done, "the cell did not end");
    if (content.status === "error") throw Error(content.traceback.join("\n"));
    await soon(Promise.all(shown), "an output was not rendered");
    return shown.length;
  },

  /** Takes an output out of the page as "Clear Output" does: without a word to the widget. */
  clear(n) {
    outputs[n].remove();
  },

  /** What a model holds in the page, whether it is shown or not. */
  async trait(modelId, name) {
    return (await manager.get_model(modelId)).get(name);
  },

  theme(name) {
    const { kind, variables } = themes[name];
    const root = document.documentElement;
    root.removeAttribute("style"); // a theme may leave out what the one before had
    for (const [variable, value] of Object.entries({ ...themes.both, ...variables }))
      root.style.setProperty(variable, value);
    document.body.className = kind;
    if (kind === "vscode-high-contrast-light") document.body.classList.add("vscode-high-contrast"); // as of old
    document.body.dataset.vscodeThemeKind = kind;
  },

  /** Change events that changed nothing, for all of a model's traits: VS Code sends some after the first render. */
  async changeNothing(modelId) {
    const model = await manager.get_model(modelId);
    for (const key of Object.keys(model.attributes))
      model.trigger(`change:${key}`, model, model.get(key), {});
    model.trigger("change", model, {});
  },
};

// The editor handles what bubbles up to the window, unless a text field or a select has the focus: a slider has not.
window.addEventListener("keydown", (event) => {
  const modifiers = [event.ctrlKey && "Control", event.altKey && "Alt", event.metaKey && "Meta", event.shiftKey && "Shift"];
  window.host.keys.push([...modifiers, event.key].filter(Boolean).join("+"));
  if (document.activeElement?.matches(":read-write, select")) return;
  if (MOVES_TO_ANOTHER_CELL.has(event.key)) setTimeout(() => document.activeElement?.blur());
});
// A click in an output makes its cell the active one, and the editor then puts the focus into the output: on the first
// element there that can have it, unless one there has it already.
window.addEventListener("click", (event) => {
  const output = event.target.closest(".output");
  if (!output) return;
  setTimeout(() => {
    if (output.contains(document.activeElement)) return;
    output.querySelector('[tabindex="0"], [href], button, input, option, select, textarea')?.focus();
  });
});
window.addEventListener("wheel", (event) => {
  if (!event.defaultPrevented) window.host.scrolled += event.deltaY;
});

window.host.theme("light");
window.hostIsThere = true;
