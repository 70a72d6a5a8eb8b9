/**
 * One HTTP exchange, free of any framework: the faces (`node:http`, fetch) translate to and from it,
 * and everything that answers requests speaks only this.
 */
import type { Principal } from "../security/principal.ts";

export type Inbound = {
  readonly method: "GET" | "POST" | "DELETE";
  /** By lower-case name. */
  header(name: string): string | undefined;
  readonly principal: Principal;
  /** Where the connection comes from, where that is known: tells callers apart that nobody knows. */
  readonly address?: string | undefined;
  /** The parsed body of a POST; undefined otherwise. */
  readonly body: unknown;
  /** Aborted when the client's connection is gone. */
  readonly signal: AbortSignal;
  /** The exchange as a web request with its body read already; made on demand, since it is costly. */
  request(): Request;
};

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | StreamBody | undefined;
};

/** A body that is pushed as it comes about. */
export interface StreamBody {
  /** Called once, when the head has been sent. The returned function is called once when the client is gone or the stream was ended. */
  start(sink: StreamSink): () => void;
}

export interface StreamSink {
  /** False when the reader is slow: `buffered` says how many bytes wait. The writer decides when enough is enough. */
  write(chunk: string): boolean;
  readonly buffered: number;
  /** Ends the body after what was written. */
  end(): void;
  /** Cuts the connection without waiting for a reader that is too slow. Where it is missing, `end` has to do. */
  destroy?(): void;
  /** Cuts the connection once its reader has taken nothing for so long. Where it is missing, the writer looks after that. */
  closeWhenSilent?(ms: number): void;
}
