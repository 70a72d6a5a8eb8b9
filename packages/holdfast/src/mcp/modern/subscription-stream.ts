/** Bounds on the streams of `subscriptions/listen`: the SDK counts them for the whole process, and lets each live for ever. */
import { SERVER_INFO_META_KEY, SUBSCRIPTION_ID_META_KEY } from "@modelcontextprotocol/server";

import { endable, isEventStream } from "../http/endable.ts";
import { longestTimerMs } from "../http/silence.ts";
import { messageEvent } from "../sessions/sse.ts";
import type { ServerInfo } from "../types.ts";

export type SubscriptionStream = {
  /** The id of the request that opened it. */
  readonly id: string | number;
  readonly info: ServerInfo;
  readonly maxAgeMs: number;
  /** Gives its place back. Called once, whoever ended the stream, or if there is none. */
  readonly release: () => void;
};

/** The same answer, whose stream is ended in order once it is old: its client opens another. */
export function boundStream(answer: Response, { id, info, maxAgeMs, release }: SubscriptionStream): Response {
  if (!isEventStream(answer)) {
    release();
    return answer;
  }
  return endable(answer, (end) => {
    const timer = setTimeout(() => end(farewell(id, info)), Math.min(maxAgeMs, longestTimerMs)).unref();
    return () => {
      clearTimeout(timer);
      release();
    };
  });
}

/** The answer to the request: until it comes, a stream that ends has broken off. As the SDK has it when it closes. */
function farewell(id: string | number, { instructions: _, ...serverInfo }: ServerInfo): string {
  const meta = { [SUBSCRIPTION_ID_META_KEY]: id, [SERVER_INFO_META_KEY]: serverInfo };
  return messageEvent(
    undefined,
    JSON.stringify({ jsonrpc: "2.0", id, result: { resultType: "complete", _meta: meta } }),
  );
}
