/** Pictures from outside: files, what is dropped or pasted, and the camera. */

import type { Pixels } from "./pixels";

/** A side is sent with no more pixels. */
const MOST_SIDE = 1024;

function pixelsOf(source: CanvasImageSource, width: number, height: number): Pixels {
  const scale = Math.min(1, MOST_SIDE / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Uint8ClampedArray(canvas.width * canvas.height * 3);
  for (let pixel = 0; pixel < canvas.width * canvas.height; pixel++)
    for (let c = 0; c < 3; c++) colours[pixel * 3 + c] = data[pixel * 4 + c]!;
  return { height: canvas.height, width: canvas.width, channels: 3, data: colours };
}

/** Rejects with a sentence. */
export async function pictureIn(file: Blob): Promise<Pixels> {
  const name = file instanceof File && file.name ? `"${file.name}"` : "What came";
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${name} is no picture that this browser can read: take a PNG, a JPEG or a WebP.`);
  });
  try {
    return pixelsOf(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

/** Of what was dropped or pasted, the first picture. */
export function fileIn(data: DataTransfer | null): Blob | null {
  const items = [...(data?.items ?? [])].filter((item) => item.kind === "file");
  return items.find(({ type }) => type.startsWith("image/"))?.getAsFile() ?? items[0]?.getAsFile() ?? null;
}

/** One picture of the camera, which is let go of at once. Rejects with a sentence. */
export async function photograph(): Promise<Pixels> {
  const devices = navigator.mediaDevices;
  if (!devices?.getUserMedia)
    throw new Error("This page may use no camera: browsers allow it on https and localhost alone.");
  const stream = await devices.getUserMedia({ video: true }).catch((error: Error) => {
    throw new Error(`There is no camera that this page may use (${error.name}).`);
  });
  try {
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = stream;
    await video.play();
    return pixelsOf(video, video.videoWidth, video.videoHeight);
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}
