import type { Owner } from "../../record/record.ts";
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
  readonly session?: { readonly document: Pick<TransportDocument, "secretHash" | "protocolVersion"> } | undefined;
  readonly owner: Owner;
  readonly log: OutputLog | undefined;
  readonly requests: readonly RpcId[];
  readonly batch: boolean;
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly onDone: () => void;
};

/** The POSTs being answered on this node. */
export class Exchanges {
  readonly #deps: SessionDeps;
  readonly #life: NodeLife;
  readonly #idle = new Set<() => void>();
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
    const { session, requests } = init;
    const count = requests.length;
    this.#inFlight += count;
    this.#total += count;
    let endLife = (): void => undefined;
    return new PostExchange({
      requests,
      batch: init.batch,
      response: options.response,
      headers: init.headers ?? {},
      mintStreamId: () => (session === undefined ? "" : mintPostStreamId(session.document.secretHash, ids.node)),
      log: init.log,
      primes: session !== undefined && primes(session.document.protocolVersion),
      retryMs: options.retryMs,
      openLive: () => {
        const live = this.#openLive(init);
        if (live !== undefined && init.log !== undefined) endLife = this.#life.begin();
        return live;
      },
      onDone: () => {
        endLife();
        this.#inFlight -= count;
        init.onDone();
        if (this.#inFlight === 0) for (const resolve of [...this.#idle]) resolve();
      },
    });
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

  #openLive({ owner, signal }: OpenExchange): LiveStream | undefined {
    const release = this.#deps.slots.take(owner);
    if (typeof release === "string") return undefined;
    const { keepAliveMs, maxStreamAgeMs, maxStreamBufferBytes } = this.#deps.options;
    return new LiveStream({
      keepAliveMs,
      maxAgeMs: maxStreamAgeMs,
      maxBufferBytes: maxStreamBufferBytes,
      signal,
      onClosed: release,
    });
  }
}
