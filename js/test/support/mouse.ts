/** Pointer and keys on the canvases of a page that lays nothing out. */

const SIDE = 10; // CSS pixels a value

/** jsdom lays nothing out: the canvas says its size, the event its place in the middle of a value. */
export function mouse(canvas: HTMLCanvasElement, type: string, row = 0, column = 0) {
  Object.defineProperties(canvas, {
    clientWidth: { value: canvas.width * SIDE, configurable: true },
    clientHeight: { value: canvas.height * SIDE, configurable: true },
  });
  const event = new MouseEvent(type, { bubbles: true });
  Object.defineProperties(event, {
    offsetX: { value: (column + 0.5) * SIDE },
    offsetY: { value: (row + 0.5) * SIDE },
  });
  canvas.dispatchEvent(event);
}

export function press(canvas: HTMLElement, ...keys: string[]) {
  for (const key of keys) canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}

export function readout(canvas: HTMLElement) {
  const figure = canvas.closest("figure")!;
  return [...figure.querySelector(".fs-readout")!.children].map((part) => part.textContent);
}

export function marker(canvas: HTMLElement) {
  return canvas.parentElement!.querySelector<HTMLElement>(".fs-marker")!;
}
