/** What the tray's parts are given. */

import type { ArgsOf, RequestName } from "../../wire/requests";

/** A part asks, and asks again while an answer is on its way. */
export interface Bench {
  ask<Name extends RequestName>(name: Name, args: ArgsOf<Name>): void;
  /** After so many milliseconds, in place of what was to be done under that name. */
  after(name: string, delay: number, act: () => void): void;
}
