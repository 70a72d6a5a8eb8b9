import type { JSONRPCMessage } from "@modelcontextprotocol/server";

import type { Owner, Version } from "../../../record/record.ts";
import type { SessionDeps } from "../deps.ts";
import { writeHint } from "../hints.ts";
import { type LogEntry, writeLogEntry } from "../log-entry.ts";
import { outStream, sessionTopic, transportKey } from "../transport-record.ts";
import { callKey } from "./call-record.ts";

export type EndOfCall = {
  readonly streamId: string;
  /** What the call's record has to stand at: whoever came first has ended it, or goes on with it. */
  readonly version: Version;
  /** What goes out before the stream ends. */
  readonly answers: readonly JSONRPCMessage[];
};

/** Ends a call that runs nowhere, with what its client has to hear. False if others were first. */
export async function endCall(
  deps: SessionDeps,
  session: { readonly owner: Owner; readonly id: string },
  { streamId, version, answers }: EndOfCall,
): Promise<boolean> {
  const entries: LogEntry[] = answers.map((answer, index) => ({
    streamId,
    tag: index === answers.length - 1 ? "last" : "message",
    payload: JSON.stringify(answer),
  }));
  if (entries.length === 0) entries.push({ streamId, tag: "end", payload: "" });
  const committed = await deps.store.commit(session.owner, [
    {
      ...transportKey(session.id),
      expect: "present",
      appends: [{ stream: outStream, data: entries.map(writeLogEntry), keep: deps.options.maxLogEvents }],
    },
    { ...callKey(streamId), expect: version, end: true },
  ]);
  if (committed.ok) deps.hint(sessionTopic(session.id), writeHint({ type: "out", streams: [streamId] }));
  return committed.ok;
}
