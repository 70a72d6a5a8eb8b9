/**
 * Hints about one session, under its topic. They only wake readers: whoever misses one finds out at the next poll.
 * At most 199 bytes, so the streams of a hint are left out where they do not fit.
 */
export type SessionHint =
  /** The output log grew; `streams` says where, if known. */
  | { readonly type: "out"; readonly streams: readonly string[] | undefined }
  /** The inbox grew. */
  | { readonly type: "in" };

const maxHintLength = 190;

export function writeHint(hint: SessionHint): string {
  switch (hint.type) {
    case "out": {
      const text = `out ${[...new Set(hint.streams)].join(" ")}`;
      return text.length <= maxHintLength ? text : "out";
    }
    case "in":
      return hint.type;
  }
}

/** Undefined where the store lost what the hint said, and for hints of other versions. */
export function readHint(text: string | undefined): SessionHint | undefined {
  const [type, ...rest] = text?.split(" ") ?? [];
  if (type === "out") return { type, streams: rest.length > 0 && rest[0] !== "" ? rest : undefined };
  return type === "in" ? { type } : undefined;
}
