/** What of a kind is sealed. */
export type Sealed = true | readonly string[];

export type KindSealing = {
  /** All of its documents, some of their members, or nothing of them. */
  readonly document: Sealed | undefined;
  /** Whether its events are. */
  readonly events: boolean;
  /** Whether what is not sealed is let through, since there were times at which it was not. */
  readonly mayBePlain: boolean;
};
export type SealingPolicy = (kind: string) => KindSealing | undefined;

/** They say what goes on in the engine, hold no content, and tokens are their versions: nothing may write them on the side. */
const neverSealed: ReadonlySet<string> = new Set([
  "holdfast.lease",
  "holdfast.node",
  "holdfast.move",
  "holdfast.rate",
  "holdfast.reaper",
  "holdfast.streams",
]);

/**
 * What the engine keeps of calls, whichever kinds they were about: what a connection was sent and has yet to take, what a call
 * that waits was given, what one that counts once was answered. It is sealed wherever there are keys, or what is sealed in its
 * own record would lie open in these. Who gives keys to a store that was plain strands no connection with it.
 */
const ofCalls: ReadonlyMap<string, KindSealing> = new Map([
  ["holdfast.transport", { document: undefined, events: true, mayBePlain: true }],
  ["holdfast.call", { document: true, events: true, mayBePlain: true }],
]);

/** @param hasKeys whether anything can be sealed at all. */
export function sealingPolicy(
  kinds: readonly { readonly name: string; readonly sealed?: Sealed | undefined }[],
  { everything, hasKeys }: { readonly everything: boolean; readonly hasKeys: boolean },
): SealingPolicy {
  const named = new Map(
    kinds.flatMap(({ name, sealed }) =>
      sealed === undefined ? [] : [[name, { document: sealed, events: sealed === true, mayBePlain: false }] as const],
    ),
  );
  return (kind) => {
    if (everything) return neverSealed.has(kind) ? undefined : whole;
    return named.get(kind) ?? (hasKeys ? ofCalls.get(kind) : undefined);
  };
}

const whole: KindSealing = { document: true, events: true, mayBePlain: false };
