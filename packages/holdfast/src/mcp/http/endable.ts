/** Streams of the SDK's making that somebody else may end: its answers are bodies nobody but their reader could close. */

/** Ends the stream, after a last word if there is one. Does nothing once it is over. */
export type EndStream = (lastWord?: string) => void;

/**
 * The same answer, whose stream can be ended. `watch` is called once when it starts, and what it returns once when it is
 * over, whoever ended it. Answers that do not stream stay as they are, and nobody watches them.
 */
export function endable(answer: Response, watch: (end: EndStream) => () => void): Response {
  if (!isEventStream(answer)) return answer;
  const reader: ReadableStreamDefaultReader<Uint8Array> = answer.body.getReader();
  let stopWatching: () => void = () => undefined;
  let over = false;
  const isFirst = (): boolean => {
    const first = !over;
    over = true;
    if (first) stopWatching();
    return first;
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      const stop = watch((lastWord) => {
        if (!isFirst()) return;
        if (lastWord !== undefined) controller.enqueue(new TextEncoder().encode(lastWord));
        controller.close();
        reader.cancel().catch(() => undefined);
      });
      if (over) stop();
      else stopWatching = stop;
    },
    pull: async (controller) => {
      const part = await reader.read().catch((error: unknown) => {
        isFirst();
        throw error;
      });
      if (!part.done && !over) return controller.enqueue(part.value);
      if (part.done && isFirst()) controller.close();
    },
    cancel: async (reason) => {
      isFirst();
      await reader.cancel(reason);
    },
  });
  return new Response(body, { status: answer.status, headers: answer.headers });
}

export function isEventStream(answer: Response): answer is Response & { readonly body: ReadableStream<Uint8Array> } {
  return answer.body !== null && answer.headers.get("content-type") === "text/event-stream";
}
