import type { JSONRPCMessage, JSONRPCRequest } from "@modelcontextprotocol/server";

import { isHoldfastError } from "../../record/errors.ts";
import type { Position } from "../../record/record.ts";
import type { Reply } from "../exchange.ts";
import type { CallGuard, CallStep } from "./calls/call-guard.ts";
import type { Asking, CallDocument } from "./calls/call-record.ts";
import type { LiveStream } from "./live-stream.ts";
import type { LogEntry, LogTag } from "./log-entry.ts";
import { isRequest, type RpcId, type RpcResponse } from "./messages.ts";
import type { OutputLog } from "./output-log.ts";
import { messageEvent, primingEvent, streamHeaders } from "./sse.ts";
import { formatEventId } from "./stream-id.ts";

export type PostExchangeInit = {
  /** The ids of the requests to answer, in order. */
  readonly requests: readonly RpcId[];
  readonly batch: boolean;
  readonly response: "auto" | "json" | "sse";
  /** Headers of whatever answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Absent where there are no sessions: then streams cannot be resumed and nothing is stored. */
  readonly log: OutputLog | undefined;
  /** Asked once, if it comes to a stream that is logged. */
  readonly guard: () => CallGuard;
  /** What is stored of the call while it runs, but for what is unanswered. */
  readonly call: Omit<CallDocument, "unanswered">;
  /** Goes on with a call whose stream is there already, and is read from the log: there is nobody here to reply to. */
  readonly continues?: { readonly round: number } | undefined;
  /** Whether the client understands events without data: from 2025-11-25 on. */
  readonly primes: boolean;
  readonly retryMs: number;
  /** A socket for the stream; undefined if there are too many already. Never rejects. */
  readonly openLive: () => Promise<LiveStream | undefined>;
  /** What may wait for a slow reader here. One that is further behind is fed from the log, at its own pace. */
  readonly maxAheadBytes: number;
  /** Takes a socket that is to be fed from the log: what follows `after` there is still to be sent. */
  readonly handOver: (live: LiveStream, streamId: string, after: Position) => void;
  /** Called once, when every request is answered, given up or parked, and nothing is left to write. */
  readonly onDone: () => void;
};

/** Between attempts to log an answer while the store is away. Altogether longer than a database takes to fail over. */
const answerDelaysMs: readonly number[] = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000];

/** What pinned SSE waits for company, so that a quick call costs one log write and not two. */
const lingerMs = 20;

/**
 * One POST that asks for something. It is answered with JSON unless a message has to go out before the last response:
 * then it becomes an SSE stream, whose every event is in the session's log before it is on the socket, and which any
 * node can resume. The socket may go at any time; the exchange goes on.
 */
export class PostExchange {
  readonly reply: Promise<Reply>;
  readonly #init: PostExchangeInit;
  readonly #unanswered: Set<RpcId>;
  #streamId = "";
  #guard: CallGuard | undefined;
  #resolve!: (reply: Reply) => void;
  #replied = false;
  #open: number;
  readonly #answers: RpcResponse[] = [];
  /** What has to be written before anything else of the stream. */
  #backlog: readonly LogEntry[] = [];
  #streaming = false;
  /** Why this exchange cannot stream: it was pinned to JSON, or the node has no more room for sockets. */
  #plainOnly: boolean;
  #live: LiveStream | undefined;
  /** Asks for the place of a socket. What comes meanwhile waits for it, in order. */
  #upgrading: Promise<boolean> | undefined;
  /** How often the stream had been resumed when the socket was opened; more means that somebody else has it. */
  #resumes = 0;
  #position: Position = 0;
  #round: number;
  #linger: NodeJS.Timeout | undefined;

  constructor(init: PostExchangeInit) {
    this.#init = init;
    this.#open = init.requests.length;
    this.#unanswered = new Set(init.requests);
    this.#plainOnly = init.response === "json";
    this.#round = init.continues?.round ?? 0;
    this.reply = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (init.continues !== undefined) {
      this.#guard = init.guard();
      this.#streamId = this.#guard.streamId;
      this.#streaming = true;
      this.#replied = true;
    } else if (init.response === "sse") {
      this.#linger = setTimeout(
        () => this.#guarded(this.#upgraded().then((upgraded) => (upgraded ? this.#write([]) : undefined))),
        lingerMs,
      ).unref();
    }
  }

  /** Whether some request is still to be answered. */
  get open(): boolean {
    return this.#open > 0;
  }

  /** Empty as long as nothing streams. */
  get streamId(): string {
    return this.#streamId;
  }

  /** Counts how often the handler has asked for more, over all the nodes that went on with it. */
  nextRound(): number {
    this.#round += 1;
    return this.#round;
  }

  /**
   * Whether the call can wait in the store for its client: it stands alone, and can stream. One of a batch cannot, since
   * its stream ends only when the others, which run here, have ended.
   */
  async canPark(): Promise<boolean> {
    return this.open && !this.#init.batch && this.#init.log !== undefined && (await this.#upgraded());
  }

  /**
   * Sends a message that belongs to this POST. False if it cannot go this way: the answer is pinned to JSON, or the
   * last response is out. Resolves once the message is in the log; throws what the log throws.
   */
  async emit(message: JSONRPCMessage): Promise<boolean> {
    if (!this.open || !(await this.#upgraded())) return false;
    // Without a session the client's answer could not be told from a stranger's.
    if (this.#init.log === undefined && isRequest(message)) return false;
    await this.#write([this.#entry("message", message)], { mayDrop: !isRequest(message) });
    return true;
  }

  /** Takes a response. The last one ends the exchange. */
  async respond(response: RpcResponse): Promise<void> {
    if (!this.open) return;
    this.#open -= 1;
    this.#answers.push(response);
    if (response.id !== undefined) this.#unanswered.delete(response.id);
    const last = this.#open === 0;
    const wanted = this.#begun || (last && this.#init.response === "sse");
    if (!wanted || !(await this.#upgraded())) return last ? this.#finish() : undefined;
    try {
      await this.#writeAnswer(this.#entry(last ? "last" : "message", response));
    } finally {
      if (last) this.#finish();
    }
  }

  /** A request that will never be answered, because its client cancelled it. */
  async abandon(): Promise<void> {
    if (!this.open) return;
    this.#open -= 1;
    if (this.#open > 0) return;
    try {
      if (this.#begun && (await this.#upgraded())) {
        await this.#writeAnswer({ streamId: this.#streamId, tag: "end", payload: "" });
      }
    } finally {
      this.#finish();
    }
  }

  /**
   * Asks the client, stores what it takes to go on with the call on any node, and is done with it. To be called only
   * where it `canPark`. Throws what the log throws; the call is then still this exchange's to answer.
   */
  async park(asking: Asking, questions: readonly JSONRPCRequest[]): Promise<void> {
    await this.#write(
      questions.map((question) => this.#entry("message", question)),
      { asking },
    );
    this.#open = 0;
    const live = this.#live;
    this.#live = undefined;
    if (live !== undefined && this.#hasSocket()) this.#init.handOver(live, this.#streamId, this.#position);
    else live?.end();
    this.#finish();
  }

  /** Ends the connection and leaves the stream: the client comes back with `Last-Event-ID`. */
  closeStream(): void {
    if (!this.open || this.#init.log === undefined) return;
    const close = async (): Promise<void> => {
      if (!(await this.#upgraded())) return;
      await this.#write([]);
      this.detach();
    };
    this.#guarded(close());
  }

  /** Gives the socket up; another connection of the client has taken the stream over. */
  detach(): void {
    this.#live?.end();
  }

  /** Whether it is a stream, or is about to be one. */
  get #begun(): boolean {
    return this.#streaming || (this.#upgrading !== undefined && !this.#plainOnly);
  }

  /** True if the exchange is, or with this call became, a stream. Whoever asks is answered in the order of asking. */
  #upgraded(): Promise<boolean> {
    if (this.#upgrading !== undefined) return this.#upgrading;
    if (this.#streaming || this.#plainOnly) return Promise.resolve(this.#streaming);
    this.#upgrading = this.#upgrade();
    return this.#upgrading;
  }

  async #upgrade(): Promise<boolean> {
    // What was answered before the stream goes first; the answer that made it one, and those to come, come by themselves.
    const answered = this.#open === 0 ? this.#answers.slice(0, -1) : [...this.#answers];
    this.#live = await this.#init.openLive();
    this.#plainOnly = this.#live === undefined;
    this.#streaming = this.#live !== undefined;
    if (!this.#streaming) return false;
    const { log } = this.#init;
    if (log !== undefined) this.#guard = this.#init.guard();
    this.#streamId = this.#guard?.streamId ?? "";
    const held = answered.map((answer) => this.#entry("message", answer));
    this.#backlog = log === undefined ? held : [{ streamId: this.#streamId, tag: "open", payload: "" }, ...held];
    return true;
  }

  async #write(
    entries: readonly LogEntry[],
    { mayDrop = false, asking }: { readonly mayDrop?: boolean; readonly asking?: Asking } = {},
  ): Promise<void> {
    const { log } = this.#init;
    const first = this.#backlog;
    const all = [...first, ...entries];
    this.#backlog = [];
    if (log === undefined) {
      for (const entry of all) this.#deliver(entry, undefined);
      return;
    }
    try {
      const step = this.#step(all, asking);
      await log.append(all, { mayDrop, step, delivered: (entry, position) => this.#deliver(entry, position) });
    } catch (error) {
      // The stream still has to have its beginning when the log takes entries again.
      this.#backlog = [...first, ...this.#backlog];
      // Whatever the client hears of this call, it hears from another node: its socket here has nothing to wait for.
      if (isHoldfastError(error, "FENCED")) this.detach();
      throw error;
    }
  }

  #step(entries: readonly LogEntry[], asking: Asking | undefined): CallStep | undefined {
    const guard = this.#guard;
    if (guard === undefined) return undefined;
    const { session, node } = this.#init.call;
    const document = { session, node, unanswered: [...this.#unanswered], ...(asking !== undefined && { asking }) };
    return { guard, document, ends: entries.some(({ tag }) => tag === "last" || tag === "end") };
  }

  /**
   * Writes a response, and makes the best of a log that does not take it. Whoever reads the stream elsewhere waits for
   * this node as long as it lives, so that it tries until the store is back.
   */
  async #writeAnswer(entry: LogEntry): Promise<void> {
    for (const delayMs of [...answerDelaysMs, undefined]) {
      try {
        return await this.#write([entry]);
      } catch (error) {
        // The session ended during its own call: nothing is left to resume, and the client on the socket gets its answer.
        if (isHoldfastError(error, "NOT_FOUND")) return this.#deliver(entry, undefined);
        // Nothing has been streamed, and a plain answer needs no log.
        if (!this.#replied) return undefined;
        if (delayMs === undefined || !isHoldfastError(error) || !error.retryable) throw error;
        await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
      }
    }
  }

  #deliver(entry: LogEntry, position: Position | undefined): void {
    const { primes, retryMs, maxAheadBytes, handOver } = this.#init;
    const after = this.#position;
    this.#position = position ?? after;
    const live = this.#live;
    if (live === undefined) return;
    if (!this.#hasSocket()) return live.end();
    if (position !== undefined && this.#replied && live.buffered > maxAheadBytes) {
      this.#live = undefined;
      return handOver(live, this.#streamId, after);
    }
    const id = position === undefined ? undefined : formatEventId(this.#streamId, position);
    if (!this.#replied) this.#answer({ status: 200, headers: { ...streamHeaders, ...this.#init.headers }, body: live });
    if (entry.tag === "message" || entry.tag === "last") live.write(messageEvent(id, entry.payload));
    else if (entry.tag === "open" && primes && id !== undefined) live.write(primingEvent(id, retryMs));
  }

  /** Whether the client still reads here, and has not resumed the stream on another connection. */
  #hasSocket(): boolean {
    return (this.#guard?.resumes ?? 0) === this.#resumes;
  }

  #finish(): void {
    clearTimeout(this.#linger);
    if (this.#replied) {
      this.#live?.end();
    } else {
      this.#answer(this.#plainAnswer());
      this.#live?.discard();
    }
    this.#init.onDone();
  }

  #plainAnswer(): Reply {
    const { headers, batch } = this.#init;
    if (this.#answers.length === 0) return { status: 202, headers };
    const body = JSON.stringify(batch ? this.#answers : this.#answers[0]);
    return { status: 200, headers: { "content-type": "application/json", ...headers }, body };
  }

  #answer(reply: Reply): void {
    this.#replied = true;
    this.#resolve(reply);
  }

  #entry(tag: LogTag, message: JSONRPCMessage): LogEntry {
    return { streamId: this.#streamId, tag, payload: JSON.stringify(message) };
  }

  /** For work whose failure shows elsewhere. */
  #guarded(work: Promise<unknown>): void {
    work.catch(() => undefined);
  }
}
