/** All requests by name, each with its arguments and the body of its reply. A new subject's file is joined here. */

import type { DescriptionRequests } from "./description";
import type { FrameRequests } from "./frame";
import type { LabRequests } from "./lab";
import { bodyOf, type Reply } from "./messages";
import type { PositionRequests } from "./positions";
import type { ScanRequests } from "./scans";
import type { StripRequests } from "./strip";
import type { VerdictRequests } from "./verdicts";

export interface Requests
  extends DescriptionRequests,
    FrameRequests,
    StripRequests,
    PositionRequests,
    VerdictRequests,
    ScanRequests,
    LabRequests {}

export type RequestName = keyof Requests;
export type ArgsOf<Name extends RequestName> = Requests[Name]["args"];
/** A reply of which the name is known: to ask for the name tells what its body is. */
export type ReplyTo<Name extends RequestName> = { [name in Name]: Reply & { readonly name: name } }[Name];

/** The body, with its tensors in their places. Frames and strips, of which a reply may leave a part out, have their own. */
export function decode<Name extends RequestName>(reply: ReplyTo<Name>): Requests[Name]["body"] {
  return bodyOf(reply);
}
