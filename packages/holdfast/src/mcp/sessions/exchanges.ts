import type { Owner, Position } from "../../record/record.ts";
import { CallGuard } from "./calls/call-guard.ts";
import type { SessionDeps } from "./deps.ts";
import { LiveStream } from "./live-stream.ts";
import type { RpcId } from "./messages.ts";
import type { NodeLife } from "./node-life.ts";
import type { OutputLog } from "./output-log.ts";
import { PostExchange } from "./post-exchange.ts";
import { mintPostStreamId } from "./stream-id.ts";
import type { TransportDocument } from "./transport-record.ts";
import { primes } from "./versions.ts";

export type OpenExchange = {
  /** Absent in stateless mode. */
  readonly session?:
    | { readonly id: string; readonly document: Pick<TransportDocument, "secretHash" | "protocolVersion"> }
    | undefined;
  /** Whose streams it counts with, if it comes to one. Absent where a call goes on that nobody waits for here. */
  readonly counted?: Owner | undefined;
  readonly log: OutputLog | undefined;
  readonly requests: readonly RpcId[];
  readonly batch: boolean;
  /** The client's connection. Absent where a call goes on that nobody waits for here. */
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The call to go on with. */
  readonly continues?: { readonly guard: CallGuard; readonly round: number } | undefined;
  /** Takes the socket of a call that was parked, or whose reader is slow. */
  readonly handOver?: ((live: LiveStream, streamId: string, after: Position) => void) | undefined;
  readonly onDone: (exchange: PostExchange) => void;
};

export const mostAheadBytes: number = 512 * 1024;

/** The POSTs being answered on this node. */
export class Exchanges {
  readonly #deps: SessionDeps;
  readonly #life: NodeLife;
  readonly #idle = new Set<() => void>();
  readonly #streaming = new Map<string, PostExchange>();
  /** Calls that are this node's, and not yet at work again. */
  readonly #starting = new Set<string>();
  #inFlight = 0;
  #total = 0;

  constructor(deps: SessionDeps, life: NodeLife) {
    this.#deps = deps;
    this.#life = life;
  }

  /** Requests not answered yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Requests ever taken. */
  get total(): number {
    return this.#total;
  }

  open(init: OpenExchange): PostExchange {
    const { options, ids } = this.#deps;
    const { session, requests, log, continues, handOver } = init;
    const count = requests.length;
    this.#inFlight += count;
    this.#total += continues === undefined ? count : 0;
    let endLife = continues === undefined ? (): void => undefined : this.#life.begin();
    const exchange: PostExchange = new PostExchange({
      requests,
      batch: init.batch,
      response: options.response,
      headers: init.headers ?? {},
      log,
      continues,
      call: { session: session?.id ?? "", node: ids.node },
      guard: () => {
        const guard = continues?.guard ?? new CallGuard(mintPostStreamId(session?.document.secretHash ?? "", ids.node));
        queueMicrotask(() => {
          if (exchange.open) this.#streaming.set(guard.streamId, exchange);
        });
        return guard;
      },
      primes: session !== undefined && primes(session.document.protocolVersion),
      retryMs: options.retryMs,
      openLive: async () => {
        const live = await this.#openLive(init);
        if (live !== undefined && log !== undefined) endLife = this.#life.begin();
        return live;
      },
      maxAheadBytes: Math.min(mostAheadBytes, options.maxStreamBufferBytes / 2),
      handOver: (live, streamId, after) => (handOver === undefined ? live.end() : handOver(live, streamId, after)),
      onDone: () => {
        endLife();
        this.#streaming.delete(exchange.streamId);
        this.#inFlight -= count;
        init.onDone(exchange);
        if (this.#inFlight === 0) for (const resolve of [...this.#idle]) resolve();
      },
    });
    return exchange;
  }

  /** The call that runs here and streams under this id. */
  running(streamId: string): PostExchange | undefined {
    return this.#streaming.get(streamId);
  }

  /** Whether a call runs here, or is about to. */
  has(streamId: string): boolean {
    return this.#streaming.has(streamId) || this.#starting.has(streamId);
  }

  /** Says that a call is this node's before it is at work again. The returned function takes that back. */
  starting(streamId: string): () => void {
    this.#starting.add(streamId);
    // A drain has to wait for it as for every other.
    this.#inFlight += 1;
    let pending = true;
    return () => {
      if (!pending) return;
      pending = false;
      this.#starting.delete(streamId);
      this.#inFlight -= 1;
      if (this.#inFlight === 0) for (const resolve of [...this.#idle]) resolve();
    };
  }

  /** Resolves once no request is in flight. */
  async whenIdle(): Promise<void> {
    while (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#idle.delete(done);
          resolve();
        };
        this.#idle.add(done);
      });
    }
  }

  async #openLive({ counted, signal }: OpenExchange): Promise<LiveStream | undefined> {
    const { slots, options, onError } = this.#deps;
    if (counted === undefined) return undefined;
    // A call that has run is answered, if need be plainly, whatever there is no telling of.
    const place = await slots.take(counted).catch(onError);
    if (place === undefined) return undefined;
    if (typeof place === "string") {
      slots.refuse(place);
      return undefined;
    }
    const { keepAliveMs, maxStreamAgeMs, maxStreamBufferBytes } = options;
    const live = new LiveStream({
      keepAliveMs,
      maxAgeMs: maxStreamAgeMs,
      maxBufferBytes: maxStreamBufferBytes,
      signal: signal ?? new AbortController().signal,
      onClosed: () => place.giveBack(),
    });
    place.whenLost(() => live.end());
    return live;
  }
}
