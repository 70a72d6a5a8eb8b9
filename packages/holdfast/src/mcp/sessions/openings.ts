/**
 * Openings of a session's own stream. Each is written down with a token, the highest has the stream, and that something
 * of it went out is written down too: a client that lost a connection before anything came of it has no cursor to come
 * back with, and is still owed what was said since.
 */
import type { Position } from "../../record/record.ts";
import type { SessionDeps } from "./deps.ts";
import { writeHint } from "./hints.ts";
import { readLogEntry, writeLogEntry } from "./log-entry.ts";
import type { OpenSession } from "./session-gate.ts";
import { heardCounter, outStream, sessionTopic, takeoverCounter, transportKey } from "./transport-record.ts";

export type Opening = {
  readonly token: number;
  /** Of the entry that says so in the log. */
  readonly position: Position;
  /** The newest opening of which something has gone out. */
  readonly heard: number;
};

const pageSize = 500;

/** Undefined if the session is over. */
export async function recordOpening(
  { store, options, hint }: SessionDeps,
  session: OpenSession,
  streamId: string,
): Promise<Opening | undefined> {
  const data = [writeLogEntry({ streamId, tag: "listen", payload: "" })];
  const committed = await store.commit(session.owner, [
    {
      ...transportKey(session.id),
      expect: "present",
      counters: [
        { name: takeoverCounter, by: 1 },
        { name: heardCounter, by: 0 },
      ],
      appends: [{ stream: outStream, data, keep: options.maxLogEvents }],
    },
  ]);
  if (!committed.ok) return undefined;
  hint(sessionTopic(session.id), writeHint({ type: "out", streams: [streamId] }));
  const [result] = committed.results;
  return {
    token: result?.counters.get(takeoverCounter) ?? 0,
    heard: result?.counters.get(heardCounter) ?? 0,
    position: result?.heads.get(outStream) ?? 0,
  };
}

/** Something of an opening has gone out: from now on its client has a cursor. */
export async function recordHeard({ store }: SessionDeps, session: OpenSession, opening: Opening): Promise<void> {
  const { token, heard } = opening;
  if (token <= heard) return;
  // Refused where a newer one was first, which says as much.
  await store.commit(session.owner, [
    {
      ...transportKey(session.id),
      expect: "present",
      counters: [{ name: heardCounter, by: token - heard, max: token }],
    },
  ]);
}

/** Where a client begins that comes without a cursor. */
export async function startOf(
  deps: SessionDeps,
  session: OpenSession,
  streamId: string,
  { token, heard, position }: Opening,
): Promise<Position> {
  const key = transportKey(session.id);
  // Who listens for the first time also gets what was said before.
  if (heard === 0) {
    const page = await deps.store.events(session.owner, key, outStream, { limit: 1 });
    return (page?.first ?? position) - 1;
  }
  // Afterwards it is for what was said since the first opening of which nothing went out.
  let unheard = token - 1 - heard;
  let start = position - 1;
  let before = position;
  while (unheard > 0) {
    const page = await deps.store.events(session.owner, key, outStream, { before, limit: pageSize, order: "newest" });
    for (const { position: at, data } of page?.events ?? []) {
      before = at;
      const entry = readLogEntry(data);
      if (unheard === 0 || entry?.streamId !== streamId || entry.tag !== "listen") continue;
      unheard -= 1;
      start = at - 1;
    }
    if (page?.more !== true) break;
  }
  return start;
}
