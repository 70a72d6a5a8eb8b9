/** What of a kind is sealed: everything of its records, some members of their documents, or nothing. */
export type Sealed = true | readonly string[];
export type SealingPolicy = (kind: string) => Sealed | undefined;

/** They say what goes on in the engine, hold no content, and tokens are their versions: nothing may write them on the side. */
const neverSealed: ReadonlySet<string> = new Set([
  "holdfast.lease",
  "holdfast.node",
  "holdfast.move",
  "holdfast.rate",
  "holdfast.reaper",
  "holdfast.streams",
]);

export function sealingPolicy(
  kinds: readonly { readonly name: string; readonly sealed?: Sealed | undefined }[],
  everything: boolean,
): SealingPolicy {
  const named = new Map(kinds.flatMap(({ name, sealed }) => (sealed === undefined ? [] : [[name, sealed] as const])));
  return (kind) => {
    if (!everything) return named.get(kind);
    return neverSealed.has(kind) ? undefined : true;
  };
}
