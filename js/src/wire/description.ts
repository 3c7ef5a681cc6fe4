/** What a view asks first: which layers and images there are, and the text of its later modules. */

export interface LayerInfo {
  readonly name: string;
  readonly call: number;
  readonly title: string;
  readonly filters: number;
  readonly channels: number;
  readonly kernel: readonly number[];
  readonly out_shape: readonly number[];
  readonly activation_name: string;
}

export interface Description {
  readonly version: string;
  readonly revision: number;
  readonly images: number | null;
  readonly input: readonly number[];
  readonly layers: readonly LayerInfo[];
  /** What each is called; none where the net itself is all there is. */
  readonly checkpoints: readonly string[];
  /** Whether another net stands beside this one. */
  readonly two_nets: boolean;
}

export interface DescriptionRequests {
  describe: { args: Record<string, never>; body: Description };
  panels: { args: Record<string, never>; body: { readonly modules: readonly string[] } };
}

/** Whether a message says that there are more checkpoints than before. */
export function tellsOfCheckpoints(content: unknown): boolean {
  return (
    typeof content === "object" && content !== null && "kind" in content && content.kind === "checkpoints"
  );
}
