/** A picture of bytes, gray or in three colours, and what can be done to it. */

export interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly data: Uint8ClampedArray;
}

export function shapeOf({ height, width, channels }: Pixels): number[] {
  return channels === 1 ? [height, width] : [height, width, channels];
}

function made(from: Pixels, value: (row: number, column: number, channel: number) => number): Pixels {
  const { height, width, channels } = from;
  const data = new Uint8ClampedArray(from.data.length);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let channel = 0; channel < channels; channel++)
        data[(row * width + column) * channels + channel] = value(row, column, channel);
  return { ...from, data };
}

/** 0 outside. */
function at({ height, width, channels, data }: Pixels, row: number, column: number, channel: number): number {
  if (row < 0 || column < 0 || row >= height || column >= width) return 0;
  return data[(row * width + column) * channels + channel]!;
}

/** A disc of one brightness; a radius of 0 is one pixel. */
export function dabbed(from: Pixels, row: number, column: number, radius: number, level: number): Pixels {
  return made(from, (y, x, c) =>
    (y - row) ** 2 + (x - column) ** 2 <= radius * radius + 0.25 ? level : at(from, y, x, c),
  );
}

export function boxed(
  from: Pixels,
  [top, left, bottom, right]: readonly [number, number, number, number],
  level: number,
): Pixels {
  return made(from, (y, x, c) =>
    y >= top && y <= bottom && x >= left && x <= right ? level : at(from, y, x, c),
  );
}

export function blurred(from: Pixels): Pixels {
  const clamp = (place: number, length: number) => Math.min(Math.max(place, 0), length - 1);
  const weights = [1, 2, 1];
  return made(from, (y, x, c) => {
    let sum = 0;
    for (let i = -1; i <= 1; i++)
      for (let j = -1; j <= 1; j++)
        sum +=
          weights[i + 1]! *
          weights[j + 1]! *
          at(from, clamp(y + i, from.height), clamp(x + j, from.width), c);
    return sum / 16;
  });
}

export function shifted(from: Pixels, rows: number, columns: number): Pixels {
  return made(from, (y, x, c) => at(from, y - rows, x - columns, c));
}

/** Counter-clockwise about the middle, between pixels in proportion. */
export function turned(from: Pixels, degrees: number): Pixels {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [middleY, middleX] = [(from.height - 1) / 2, (from.width - 1) / 2];
  return made(from, (y, x, c) => {
    const [dy, dx] = [y - middleY, x - middleX];
    const sourceX = middleX + cos * dx - sin * dy;
    const sourceY = middleY + sin * dx + cos * dy;
    const [row, column] = [Math.floor(sourceY), Math.floor(sourceX)];
    const [down, right] = [sourceY - row, sourceX - column];
    const mix = (a: number, b: number, part: number) => a * (1 - part) + b * part;
    return mix(
      mix(at(from, row, column, c), at(from, row, column + 1, c), right),
      mix(at(from, row + 1, column, c), at(from, row + 1, column + 1, c), right),
      down,
    );
  });
}

export function brightened(from: Pixels, factor: number): Pixels {
  return made(from, (y, x, c) => at(from, y, x, c) * factor);
}

export function noisy(from: Pixels, spread: number): Pixels {
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return made(from, (y, x, c) => at(from, y, x, c) + spread * normal());
}

export function meanOf({ data }: Pixels): number {
  return data.reduce((sum, value) => sum + value, 0) / Math.max(1, data.length);
}

export function asBase64({ data }: Pixels): string {
  let text = "";
  for (let start = 0; start < data.length; start += 8192)
    text += String.fromCharCode(...data.subarray(start, start + 8192));
  return btoa(text);
}
