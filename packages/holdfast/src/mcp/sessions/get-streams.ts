import type { Owner, Position } from "../../record/record.ts";
import type { Inbound, Reply } from "../exchange.ts";
import { callerOf } from "../rates/rates.ts";
import { replayWindowExceeded, sessionNotFound, tooManyStreams, unknownEvent } from "./answers.ts";
import { callKey, resumesCounter } from "./calls/call-record.ts";
import { LostCall } from "./calls/lost-call.ts";
import type { SessionDeps } from "./deps.ts";
import type { Exchanges } from "./exchanges.ts";
import { writeHint } from "./hints.ts";
import { LiveStream } from "./live-stream.ts";
import { readLogEntry, writeLogEntry } from "./log-entry.ts";
import type { RpcResponse } from "./messages.ts";
import type { NodeLife } from "./node-life.ts";
import { recordHeard, recordOpening, startOf } from "./openings.ts";
import type { OpenSession } from "./session-gate.ts";
import type { Full, Place } from "./slots.ts";
import { messageEvent, streamHeaders } from "./sse.ts";
import { type EventPlace, getStreamId, parseEventId, typeOfStream } from "./stream-id.ts";
import { Tail, type TailInit } from "./tail.ts";
import { outStream, sessionTopic, transportKey } from "./transport-record.ts";
import { primes } from "./versions.ts";
import type { WarmSession } from "./warm-session.ts";
import type { WarmSessions } from "./warm-sessions.ts";

/** A stream that is open on this node. */
type Listening = {
  readonly session: OpenSession;
  readonly streamId: string;
  readonly live: LiveStream;
  /** Of two that show the same stream the higher has it. */
  token: number;
  tail: Tail | undefined;
  /** What the client is owed if the session ends now. */
  owed: () => readonly RpcResponse[];
};

/** How often a stream looks whether the node of its call still lives: a call is given up within its lease and this. */
const callPollMs = 3_000;
/** How long whoever comes back waits for the place that another node still holds for it. */
const givenUpWithinMs = 3_000;
const givenUpPollMs = 100;

type Opened = { readonly token: number; readonly position: Position };

/** Streams that clients open with GET: the session's own, and those of POSTs that they resume. */
export class GetStreams {
  readonly #deps: SessionDeps;
  readonly #warm: WarmSessions;
  readonly #life: NodeLife;
  readonly #exchanges: Exchanges;
  readonly #listening = new Map<string, Listening>();
  readonly #running = new Set<Promise<void>>();

  constructor(deps: SessionDeps, warm: WarmSessions, life: NodeLife, exchanges: Exchanges) {
    this.#deps = deps;
    this.#warm = warm;
    this.#life = life;
    this.#exchanges = exchanges;
  }

  async open(inbound: Inbound, session: OpenSession): Promise<Reply> {
    const lastEventId = inbound.header("last-event-id");
    if (lastEventId === undefined || lastEventId === "") return this.#listen(inbound, session, undefined);
    this.#deps.telemetry.metrics?.record("holdfast.stream.resumes", 1);
    const place = parseEventId(lastEventId, session.document.secretHash);
    if (place === undefined) return unknownEvent();
    const refusal = await this.#checkPlace(session, place);
    if (refusal !== undefined) return refusal;
    return place.type === "get"
      ? this.#listen(inbound, session, place.position)
      : this.#resume(inbound, session, place);
  }

  /** The session ended: its streams end with it. */
  end(owner: Owner, sessionId: string): void {
    for (const { session, live, owed } of [...this.#listening.values()]) {
      if (session.owner !== owner || session.id !== sessionId) continue;
      for (const response of owed()) live.write(messageEvent(undefined, JSON.stringify(response)));
      live.end();
    }
  }

  /** The sessions whose calls have a stream that is read here. */
  *ofCalls(): Iterable<OpenSession> {
    for (const { session, streamId } of this.#listening.values()) {
      if (typeOfStream(streamId) === "post") yield session;
    }
  }

  /** Ends the connection of the session's own stream, and leaves the stream: its client comes back for it. */
  closeOwn(session: OpenSession): void {
    this.#listening.get(keyOf(session, getStreamId(session.document.secretHash)))?.live.end();
  }

  /** The same for the stream of a call. */
  closeCall(session: OpenSession, streamId: string): void {
    this.#listening.get(keyOf(session, streamId))?.live.end();
  }

  /** Goes on with the socket of a call that was parked: whatever node writes what follows, this one reads it. */
  adopt(session: OpenSession, live: LiveStream, streamId: string, after: Position): void {
    const listening: Listening = { session, streamId, token: 0, tail: undefined, live, owed: () => [] };
    live.whenClosed(() => this.#closed(keyOf(session, streamId), listening, undefined));
    this.#start(listening, { after, opened: after, ...this.#ofCall(listening) });
  }

  /** Ends all streams, so that their clients resume them elsewhere. */
  endAll(): void {
    for (const { live } of [...this.#listening.values()]) live.end();
  }

  /** Ends all streams; resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.endAll();
    await Promise.allSettled(this.#running);
  }

  /** Whether the log still holds what came after a place, and the place is one of that stream. */
  async #checkPlace(session: OpenSession, { streamId, position }: EventPlace): Promise<Reply | undefined> {
    const page = await this.#deps.store.events(session.owner, transportKey(session.id), outStream, {
      after: position - 1,
      limit: 1,
    });
    if (page === undefined) return sessionNotFound();
    if (position > page.head) return unknownEvent();
    if (position < page.first - 1) return replayWindowExceeded();
    // The event itself may be gone as long as everything after it is there.
    if (position < page.first) return undefined;
    const entry = readLogEntry(page.events[0]?.data ?? "");
    return entry?.streamId === streamId ? undefined : unknownEvent();
  }

  /** Opens or resumes the session's own stream. The newest of its owner has it (F10, and no 409 for who reconnects). */
  async #listen(inbound: Inbound, session: OpenSession, after: Position | undefined): Promise<Reply> {
    const streamId = getStreamId(session.document.secretHash);
    const comesBack = async (): Promise<boolean> => (await recordOpening(this.#deps, session, streamId))?.token !== 1;
    const listening = await this.#prepare(inbound, session, streamId, comesBack);
    if (!("live" in listening)) return listening;
    try {
      // First what was announced while nobody listened, so that it comes before what is announced from now on.
      const stop = await this.#deps.news?.begin(session);
      if (stop !== undefined) listening.live.whenClosed(stop);
      const opened = await recordOpening(this.#deps, session, streamId);
      if (opened === undefined) return this.#giveUp(listening, sessionNotFound());
      listening.token = opened.token;
      this.#start(listening, {
        after: after ?? (await startOf(this.#deps, session, streamId, opened)),
        opened: opened.position,
        primes: after === undefined && primes(session.document.protocolVersion),
        heard: () => this.#inBackground(recordHeard(this.#deps, session, opened)),
      });
    } catch (error) {
      listening.live.discard();
      throw error;
    }
    return { status: 200, headers: streamHeaders, body: listening.live };
  }

  /** Goes on with the stream of a POST, wherever that runs or ran. Whoever read it so far, reads it no longer. */
  async #resume(inbound: Inbound, session: OpenSession, { streamId, position }: EventPlace): Promise<Reply> {
    const comesBack = async (): Promise<boolean> => (await this.#recordResume(session, streamId)) !== undefined;
    const listening = await this.#prepare(inbound, session, streamId, comesBack);
    if (!("live" in listening)) return listening;
    try {
      const opened = await this.#recordResume(session, streamId);
      this.#exchanges.running(streamId)?.detach();
      // Without a record the call is over: what it said is there, nobody adds to it, and whoever wants it may read it.
      listening.token = opened?.token ?? Number.MAX_SAFE_INTEGER;
      this.#start(listening, {
        after: position,
        ...(opened !== undefined && { opened: opened.position }),
        ...this.#ofCall(listening),
      });
    } catch (error) {
      listening.live.discard();
      throw error;
    }
    return { status: 200, headers: streamHeaders, body: listening.live };
  }

  /** How the stream of a call ends when nobody here writes it. */
  #ofCall(listening: Listening): Pick<TailInit, "caughtUp" | "gone" | "pollMs"> {
    const lost = new LostCall(this.#deps, this.#life, this.#exchanges, listening.session, listening.streamId);
    listening.owed = () => lost.owed();
    return {
      caughtUp: () => lost.mayStillAnswer(() => listening.tail?.wake()),
      gone: listening.owed,
      pollMs: Math.min(this.#deps.options.pollMs, callPollMs),
    };
  }

  /** A place for the stream, or the answer that says why there is none. */
  async #prepare(
    inbound: Inbound,
    session: OpenSession,
    streamId: string,
    comesBack: () => Promise<boolean>,
  ): Promise<Listening | Reply> {
    const key = keyOf(session, streamId);
    const place = await this.#placeFor(callerOf(inbound.principal, inbound.address), key, comesBack, inbound.signal);
    if (typeof place === "string") return tooManyStreams(this.#deps.slots.refuse(place));
    const warm = this.#warm.take(session.owner, session.id);
    const { keepAliveMs, maxStreamAgeMs, maxStreamBufferBytes } = this.#deps.options;
    const listening: Listening = {
      session,
      streamId,
      token: 0,
      tail: undefined,
      owed: () => [],
      live: new LiveStream({
        keepAliveMs,
        maxAgeMs: maxStreamAgeMs,
        maxBufferBytes: maxStreamBufferBytes,
        signal: inbound.signal,
        onClosed: () => {
          place.giveBack();
          this.#closed(key, listening, warm);
        },
      }),
    };
    place.whenLost(() => listening.live.end());
    return listening;
  }

  /** Coming back must work where there is no room for anything new: whoever has the stream still gives up its place. */
  async #placeFor(
    counted: Owner,
    key: string,
    comesBack: () => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<Place | Full> {
    const { slots } = this.#deps;
    let place = await slots.take(counted);
    const standing = this.#listening.get(key);
    if (typeof place === "string" && standing !== undefined) {
      standing.live.end();
      place = await slots.take(counted);
    }
    // Another node may have it: it is told by the opening, ends its stream and gives the place back after a moment.
    // Where all are here, nothing would come of it, and who is refused leaves nothing behind.
    if (place !== "principal" || !slots.elsewhere(counted) || !(await comesBack())) return place;
    const deadline = performance.now() + givenUpWithinMs;
    while (place === "principal" && performance.now() < deadline && !signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, givenUpPollMs));
      place = await slots.take(counted);
    }
    return place;
  }

  #closed(key: string, listening: Listening, warm: WarmSession | undefined): void {
    if (this.#listening.get(key) === listening) this.#listening.delete(key);
    if (warm !== undefined) this.#warm.done(warm);
    listening.tail?.wake();
  }

  #giveUp(listening: Listening, reply: Reply): Reply {
    listening.live.discard();
    return reply;
  }

  #start(listening: Listening, init: Omit<TailInit, "deps" | "owner" | "sessionId" | "streamId" | "live">): void {
    const { session, streamId, live } = listening;
    const key = keyOf(session, streamId);
    const standing = this.#listening.get(key);
    if (standing !== undefined && standing.token > listening.token) return live.end();
    if (live.closed) return;
    this.#listening.set(key, listening);
    if (standing !== undefined) {
      this.#deps.tell({ change: "takeover" }, session.id);
      standing.live.end();
    }
    const tail = new Tail({ deps: this.#deps, owner: session.owner, sessionId: session.id, streamId, live, ...init });
    listening.tail = tail;
    const running: Promise<void> = tail
      .run()
      .catch(this.#deps.onError)
      .finally(() => {
        live.end();
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  /** Work that nobody waits for but the end of everything. */
  #inBackground(work: Promise<void>): void {
    const running: Promise<void> = work.catch(this.#deps.onError).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Writes down that the stream of a call was resumed. Undefined if the call is over. */
  async #recordResume(session: OpenSession, streamId: string): Promise<Opened | undefined> {
    const { store, options, hint } = this.#deps;
    const data = [writeLogEntry({ streamId, tag: "listen", payload: "" })];
    const committed = await store.commit(session.owner, [
      {
        ...transportKey(session.id),
        expect: "present",
        appends: [{ stream: outStream, data, keep: options.maxLogEvents }],
      },
      { ...callKey(streamId), expect: "present", counters: [{ name: resumesCounter, by: 1 }] },
    ]);
    if (!committed.ok) return undefined;
    hint(sessionTopic(session.id), writeHint({ type: "out", streams: [streamId] }));
    const [transport, call] = committed.results;
    return { token: call?.counters.get(resumesCounter) ?? 0, position: transport?.heads.get(outStream) ?? 0 };
  }
}

function keyOf(session: OpenSession, streamId: string): string {
  return `${session.id}/${streamId}`;
}
