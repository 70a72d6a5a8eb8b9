/** What the doctor found out about one thing, and what to do about it. */
export type Finding = {
  readonly what: string;
  readonly verdict: "good" | "warning" | "bad";
  /** What was seen. */
  readonly seen: string;
  /** What to change; absent where nothing has to be. */
  readonly remedy?: string;
};

export function good(what: string, seen: string): Finding {
  return { what, verdict: "good", seen };
}

export function warning(what: string, seen: string, remedy: string): Finding {
  return { what, verdict: "warning", seen, remedy };
}

export function bad(what: string, seen: string, remedy: string): Finding {
  return { what, verdict: "bad", seen, remedy };
}
