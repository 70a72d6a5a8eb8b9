export type Message = { readonly id: string; readonly data: string };

/** Messages of a stream until there are enough of them, priming events left out; then the connection breaks. */
export async function messagesUntil(
  { body }: Response,
  enough: (messages: readonly Message[]) => boolean,
): Promise<readonly Message[]> {
  const messages: Message[] = [];
  let text = "";
  for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const field = (name: string): string => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1] ?? "";
      if (field("data") !== "") messages.push({ id: field("id"), data: field("data") });
    }
    if (enough(messages)) return messages;
  }
  throw new Error(`the stream ended after ${messages.length} messages: ${text}`);
}

/** Reads a stream in the background, for as long as it lasts. */
export function hearing(response: Response): { readonly heard: readonly Message[]; readonly over: Promise<void> } {
  const heard: Message[] = [];
  const over = messagesUntil(response, (messages) => {
    heard.splice(0, heard.length, ...messages);
    return false;
  }).then(
    () => undefined,
    () => undefined,
  );
  return { heard, over };
}
