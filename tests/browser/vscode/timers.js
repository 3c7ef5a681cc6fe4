/* Runs before anything else in the page: keeps a list of the timers and frames that the widget's own module still waits
   for. anywidget loads that module from a blob: address, which is how its calls are told from everyone else's. */

(() => {
  const waiting = new Map();
  const kinds = [
    ["setTimeout", "clearTimeout"],
    ["setInterval", "clearInterval"],
    ["requestAnimationFrame", "cancelAnimationFrame"],
  ];
  for (const [set, clear] of kinds) {
    const originalSet = window[set].bind(window);
    const originalClear = window[clear].bind(window);
    window[set] = (work, ...rest) => {
      const stack = Error().stack;
      const key = () => `${set} ${handle}`;
      const handle = originalSet(
        (...given) => {
          if (set !== "setInterval") waiting.delete(key());
          work(...given);
        },
        ...rest,
      );
      if (stack.includes("blob:")) waiting.set(key(), stack);
      return handle;
    };
    window[clear] = (handle) => {
      waiting.delete(`${set} ${handle}`);
      originalClear(handle);
    };
  }
  window.widgetTimers = () => [...waiting.values()];
})();
