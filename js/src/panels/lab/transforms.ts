/** What can be done to a kernel by a button: turn, flip, negate, scale. */

export interface KernelShape {
  readonly height: number;
  readonly width: number;
}

export interface Transform {
  readonly name: string;
  readonly words: string;
  readonly hint: string;
  /** It moves rows: a signal's kernel has one. */
  readonly ofRows?: true;
  /** `own`: the net's kernel in this place. A string says why it cannot be done. */
  apply(values: Float32Array, shape: KernelShape, own: Float32Array): Float32Array | string;
}

const moved =
  (from: (row: number, column: number, shape: KernelShape) => readonly [number, number]) =>
  (values: Float32Array, shape: KernelShape): Float32Array =>
    values.map((_, place) => {
      const [row, column] = from(Math.floor(place / shape.width), place % shape.width, shape);
      return values[row * shape.width + column]!;
    });

const quarter = moved((row, column, { width }) => [column, width - 1 - row]);
const sumOf = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0);
const normOf = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** Two normal numbers by Box and Muller; one is enough. */
function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

export const TRANSFORMS: readonly Transform[] = [
  {
    name: "turn",
    words: "Turn 90°",
    hint: "Turns the kernel counter-clockwise",
    ofRows: true,
    apply: (values, shape) =>
      shape.height === shape.width
        ? quarter(values, shape)
        : `A kernel of ${shape.height}×${shape.width} cannot be turned by 90°: flip it.`,
  },
  {
    name: "flip-columns",
    words: "Flip ↔",
    hint: "Left becomes right",
    apply: moved((row, column, { width }) => [row, width - 1 - column]),
  },
  {
    name: "flip-rows",
    words: "Flip ↕",
    hint: "Top becomes bottom",
    ofRows: true,
    apply: moved((row, column, { height }) => [height - 1 - row, column]),
  },
  {
    name: "negate",
    words: "Negate",
    hint: "Changes each number's sign",
    apply: (values) => values.map((value) => -value + 0),
  },
  {
    name: "sum-zero",
    words: "Sum to 0",
    hint: "Subtracts the mean: plain brightness gives no response",
    apply: (values) => {
      const mean = sumOf(values) / values.length;
      return values.map((value) => value - mean);
    },
  },
  {
    name: "sum-one",
    words: "Sum to 1",
    hint: "Divides by the sum: plain brightness stays as it is",
    apply: (values) => {
      const sum = sumOf(values);
      return Math.abs(sum) > 1e-6 * (normOf(values) || 1)
        ? values.map((value) => value / sum)
        : "Its numbers add up to 0, so no factor makes them add up to 1.";
    },
  },
  {
    name: "own-norm",
    words: "Net's size",
    hint: "Scales the kernel to the norm of the net's own, so that the layers behind see values of a usual size",
    apply: (values, _, own) => {
      const norm = normOf(values);
      return norm > 0
        ? values.map((value) => (value * normOf(own)) / norm)
        : "All its numbers are 0, so no factor gives it another size.";
    },
  },
  {
    name: "noise",
    words: "Add noise",
    hint: "Adds a random number to each, a tenth of the kernel's own spread",
    apply: (values, _, own) => {
      const spread = (normOf(values) || normOf(own) || 1) / Math.sqrt(values.length) / 10;
      return values.map((value) => value + spread * normal());
    },
  },
];
