/**
 * One line of a session's output log: the stream it belongs to, a tag, and the rest as text, so that replaying needs no
 * parsing of the messages themselves.
 */

/**
 * - `open`: the stream of a POST began here;
 * - `listen`: the session's own stream was opened here, or that of a POST resumed: older connections of it end;
 * - `message`: goes to the client, more may follow;
 * - `last`: goes to the client and ends the stream;
 * - `end`: ends the stream, nothing goes out.
 */
export type LogTag = "open" | "listen" | "message" | "last" | "end";

export type LogEntry = {
  readonly streamId: string;
  readonly tag: LogTag;
  readonly payload: string;
};

const tags: ReadonlySet<string> = new Set<LogTag>(["open", "listen", "message", "last", "end"]);

export function writeLogEntry(entry: LogEntry): string {
  return `${entry.streamId} ${entry.tag} ${entry.payload}`;
}

/** Undefined for text of another shape, which a later version may have written. */
export function readLogEntry(text: string): LogEntry | undefined {
  const first = text.indexOf(" ");
  const second = text.indexOf(" ", first + 1);
  if (first < 1 || second < 0) return undefined;
  const tag = text.slice(first + 1, second);
  return isTag(tag) ? { streamId: text.slice(0, first), tag, payload: text.slice(second + 1) } : undefined;
}

function isTag(text: string): text is LogTag {
  return tags.has(text);
}
