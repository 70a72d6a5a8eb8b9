/** How much of a stream of the SDK's making may wait for its reader: nothing else bounds what its own queue holds. */

/** A reader this far behind is cut off before it is sent more: memory is everybody's. */
export const maxUnreadBytes: number = 16 * 1024 * 1024;

/** The same stream, read as it is written. It fails once more than that waits, so that its client sees it break off. */
export function boundUnread(source: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let left = false;
  const pump = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if ((controller.desiredSize ?? 0) < 0) throw new Error("the reader of a stream is too far behind");
      controller.enqueue(part.value);
    }
    controller.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        pump(controller).catch((error: unknown) => {
          if (left) return;
          controller.error(error);
          reader.cancel(error).catch(() => undefined);
        });
      },
      cancel: (reason) => {
        left = true;
        return reader.cancel(reason);
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxUnreadBytes }),
  );
}
