/** What the parts of the lab have in common. */

import type { Host } from "../../view/host";
import type { Frame } from "../../wire/frame";
import type { ArgsOf, ReplyTo, RequestName } from "../../wire/requests";

/** What a part is given. */
export interface Bench {
  readonly host: Host;
  ask<Name extends RequestName>(name: Name, args: ArgsOf<Name>): void;
  /** The newest frame of the kernel's, and its layer's name. */
  frame(): Frame | null;
  layerName(): string;
  /** After so many milliseconds, in place of what was to be done under that name. */
  after(name: string, delay: number, act: () => void): void;
}

/** One of the lab's tabs. */
export interface Part {
  readonly name: string;
  readonly title: string;
  readonly root: HTMLElement;
  /** It is in sight, and this is on screen now. */
  follow(frame: Frame): void;
  /** What it asked is answered; false where it did not ask. */
  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean;
  /** It is out of sight from now on. */
  leave?(): void;
}
