/** Bounds on the streams of `subscriptions/listen`: the SDK counts them for the whole process, and lets each live for ever. */
import { SERVER_INFO_META_KEY, SUBSCRIPTION_ID_META_KEY } from "@modelcontextprotocol/server";

import { endable, isEventStream } from "../http/endable.ts";
import { longestTimerMs } from "../http/silence.ts";
import type { Place } from "../sessions/slots.ts";
import { messageEvent } from "../sessions/sse.ts";
import type { ServerInfo } from "../types.ts";

export type SubscriptionStream = {
  /** The id of the request that opened it. */
  readonly id: string | number;
  readonly info: ServerInfo;
  readonly maxAgeMs: number;
  /** Given back, whoever ended the stream, or if there is none. */
  readonly place: Place;
};

/** The same answer, whose stream is ended in order once it is old: its client opens another. */
export function boundStream(answer: Response, { id, info, maxAgeMs, place }: SubscriptionStream): Response {
  if (!isEventStream(answer)) {
    place.giveBack();
    return answer;
  }
  return endable(answer, (end) => {
    const leave = (): void => end(farewell(id, info));
    const timer = setTimeout(leave, Math.min(maxAgeMs, longestTimerMs)).unref();
    place.whenLost(leave);
    return () => {
      clearTimeout(timer);
      place.giveBack();
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
