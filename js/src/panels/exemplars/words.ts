/** A scan in words. */

import { className, number } from "../../text/format";
import type { Bar, Crop, Distribution, DistributionRow, Kind, Scans } from "../../wire/scans";
import type { Progress } from "../../wire/verdicts";

/** What can be seen of a filter, each with what it is. */
export const KINDS = [
  ["top", "the strongest", "The images that drive it most, the strongest first"],
  ["bottom", "the weakest", "The images that drive it least, the weakest first"],
  [
    "typical",
    "typical ones",
    "All images in order of their maximum, cut into fifths: five images spread over each",
  ],
  ["class", "by class", "Of each class the images that drive it most"],
] as const satisfies readonly (readonly [Kind, string, string])[];

const FIFTHS = ["strongest fifth", "second fifth", "middle fifth", "fourth fifth", "weakest fifth"];

export function whole(value: number): string {
  return value.toLocaleString("en");
}

/** "3,000 of 10,000 images · 40 s left" */
export function progressInWords({ stage, done, total, seconds_left }: Progress): string {
  if (stage === "") return "starting …";
  const seen = total > 0 ? `${whole(done)} of ${whole(total)} images` : `${whole(done)} images`;
  if (total === 0 || seconds_left === null) return seen;
  const left = seconds_left < 90 ? `${Math.ceil(seconds_left)} s` : `${Math.ceil(seconds_left / 60)} min`;
  return `${seen} · ${left} left`;
}

export const IDLE = "Which images drive it?";

export function statusInWords(scans: Scans): string {
  const { status, error, images, earlier } = scans;
  if (status === "none") return IDLE;
  if (error) return `It stopped: ${error}`;
  if (status === "running") return scans.progress ? progressInWords(scans.progress) : "starting …";
  const seen = `${whole(images)} images`;
  if (earlier) return `${seen}, of other weights or data than now`;
  return status === "cancelled" ? `cancelled after ${seen}; Scan goes on from there` : `${seen} looked at`;
}

export function share(value: number): string {
  const hundredths = 100 * value;
  return `${hundredths === 0 || hundredths >= 10 ? hundredths.toFixed(0) : hundredths.toPrecision(2)}\u00a0%`;
}

/** "Fires in 83 % of 10,000 images; on average most for Bag (2.1), least for Sandal (0.4)." */
export function summaryInWords({ rows, nan, infinite }: Distribution): string {
  const [all, ...classes] = rows;
  if (!all) return "";
  const known = classes.filter(({ mean }) => mean !== null).sort((a, b) => b.mean! - a.mean!);
  const at = ({ label, mean }: DistributionRow) => `${className(label!)} (${number(mean!)})`;
  const driven =
    known.length > 1 ? `; on average most for ${at(known[0]!)}, least for ${at(known.at(-1)!)}` : "";
  const fires =
    all.fires === null
      ? `${whole(all.images)} images`
      : `Fires in ${share(all.fires)} of ${whole(all.images)} images`;
  const left = [nan > 0 && `${whole(nan)} with NaN`, infinite > 0 && `${whole(infinite)} infinite`].filter(
    Boolean,
  );
  return `${fires}${driven}.${left.length > 0 ? ` Left out: ${left.join(", ")}.` : ""}`;
}

export function groupInWords(kind: Kind, label: Crop["label"], place: number): string {
  if (kind === "typical") return FIFTHS[place] ?? "";
  return kind === "class" && label !== null ? className(label) : "";
}

/** "1.2 … 1.4": what a bin of the distribution holds. */
export function spanInWords({ edges }: Distribution, bin: number): string {
  return `${number(edges.data[bin]!)} … ${number(edges.data[bin + 1]!)}`;
}

/** "Bag, maximum 1.2 … 1.4: 35 of 1,000 images" */
export function barInWords(distribution: Distribution, row: number, bin: number): string {
  const { rows, counts } = distribution;
  const { label, images } = rows[row]!;
  const bins = counts.shape[1]!;
  const name = label === null ? "all images" : className(label);
  const count = whole(counts.data[row * bins + bin]!);
  return `${name}, maximum ${spanInWords(distribution, bin)}: ${count} of ${whole(images)} images`;
}

/** What the images are that stand on the wall. */
export function kindInWords(kind: Kind, { bin, label }: Bar, distribution: Distribution | null): string {
  const known = KINDS.find(([name]) => name === kind);
  if (known) return known[2];
  const of = label === null ? "Images" : `Images of ${className(label)}`;
  return distribution ? `${of} with a maximum of ${spanInWords(distribution, bin)}` : of;
}

export function isWrong({ label, predicted }: Crop): boolean {
  return label !== null && predicted !== null && label !== predicted;
}

/** "image 12: Coat, predicted Shirt, wrong; maximum 2.31 at row 3, column 4; stands for 3 nearly equal images" */
export function cropInWords(crop: Crop, value: number): string {
  const { image, label, predicted, copies, position, error, whole: sees } = crop;
  const name = `image ${image}${label === null ? "" : `: ${className(label)}`}`;
  if (error) return `image ${image}: ${error}`;
  const says = predicted === null ? "" : `predicted ${className(predicted)}`;
  const judged = label === null || predicted === null ? "" : isWrong(crop) ? "wrong" : "right";
  const place =
    position.length < 2 ? `column ${position.at(-1)}` : `row ${position.at(-2)}, column ${position.at(-1)}`;
  const seen = sees ? "it sees the whole image" : "";
  const same = copies > 1 ? `stands for ${copies} nearly equal images` : "";
  return [[name, says, judged].filter(Boolean).join(", "), `${number(value)} at ${place}`, seen, same]
    .filter(Boolean)
    .join("; ");
}
