/** The pixel cursors of the four large pictures; response and activation share theirs. */

import type { Host, Panels } from "../seam";
import { PixelCursor } from "./pixel_cursor";

export class Cursors implements Partial<Panels> {
  constructor({ pictures }: Host) {
    const [, , response, activation] = pictures.map((picture) => new PixelCursor(picture));
    response!.link(activation!);
  }
}
