/** jsdom has no canvas: just enough of one to hold pixels and to read them back. */

const pixels = new WeakMap<HTMLCanvasElement, Uint8ClampedArray>();

class FakeContext {
  constructor(private readonly canvas: HTMLCanvasElement) {}

  createImageData(width: number, height: number) {
    return { width, height, data: new Uint8ClampedArray(width * height * 4) };
  }

  putImageData(image: { data: Uint8ClampedArray }) {
    pixels.set(this.canvas, image.data);
  }

  clearRect() {
    pixels.delete(this.canvas);
  }

  drawImage() {}
  setTransform() {}
  scale() {}
  fillText() {}
  strokeRect() {}
  setLineDash() {}
}

export function installCanvas(): void {
  HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement) {
    return new FakeContext(this);
  } as unknown as HTMLCanvasElement["getContext"];
}

/** Red, green, blue, alpha; null where nothing is painted. */
export function pixel(canvas: HTMLCanvasElement, row: number, column: number): number[] | null {
  const data = pixels.get(canvas);
  const at = (row * canvas.width + column) * 4;
  return data ? [...data.subarray(at, at + 4)] : null;
}

/** Observers by what they observe, so that a test can change sizes and count what is left. */
export class FakeResizeObserver {
  static live = new Set<FakeResizeObserver>();
  constructor(readonly notify: () => void) {}
  observe() {
    FakeResizeObserver.live.add(this);
  }
  unobserve() {}
  disconnect() {
    FakeResizeObserver.live.delete(this);
  }
}
