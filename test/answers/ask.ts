/** Bare requests, and what comes back to the byte: what libraries hide is part of an exact answer. */
import { type IncomingMessage, request } from "node:http";

export type Headers = Readonly<Record<string, string>>;

export type Seen = {
  readonly status: number;
  /** In the order they came, the date aside, which tells nothing. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly text: string;
};

export type Asked = {
  readonly method?: string;
  readonly headers?: Headers;
  /** JSON, or a text that is sent as it is. */
  readonly body?: unknown;
  /** Sent without saying how long it is. */
  readonly chunked?: boolean;
};

/** What every client of this transport sends. */
export const usual: Headers = {
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
};

const deadlineMs = 30_000;

function send(url: string, { method = "POST", headers = {}, body, chunked = false }: Asked): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const length = text === undefined || chunked ? {} : { "content-length": String(Buffer.byteLength(text)) };
  return new Promise((resolve, reject) => {
    const asking = request(
      url,
      { method, headers: { ...headers, ...length }, agent: false, signal: AbortSignal.timeout(deadlineMs) },
      resolve,
    );
    asking.on("error", reject);
    if (text !== undefined && chunked) asking.write(text);
    asking.end(chunked ? undefined : text);
  });
}

/** Reads the whole answer. */
export async function ask(url: string, asked: Asked): Promise<Seen> {
  const answer = await send(url, asked);
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += String(chunk);
  return { status: answer.statusCode ?? 0, headers: headersOf(answer), text };
}

export interface Stream extends AsyncDisposable {
  readonly status: number;
  /** Resolves once the server has ended it. */
  readonly ended: Promise<void>;
  text(): string;
}

/** Opens a stream and leaves it open. */
export async function open(url: string, headers: Headers): Promise<Stream> {
  const answer = await send(url, { method: "GET", headers: { accept: "text/event-stream", ...headers } });
  let text = "";
  answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise<void>((resolve) => void answer.once("close", resolve));
  answer.on("error", () => undefined);
  return {
    status: answer.statusCode ?? 0,
    ended,
    text: () => text,
    async [Symbol.asyncDispose]() {
      answer.destroy();
      await ended;
    },
  };
}

export function header({ headers }: Pick<Seen, "headers">, name: string): string | undefined {
  return headers.find(([of]) => of.toLowerCase() === name)?.[1];
}

/** The body as JSON: of an SSE body the last event that is some. */
export function json({ text }: Pick<Seen, "text">): unknown {
  const events = [...text.matchAll(/^data: ?(\{.*)$/gm)].map(([, data]) => data ?? "");
  return text === "" ? undefined : JSON.parse(events.at(-1) ?? text);
}

function headersOf({ rawHeaders }: IncomingMessage): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) pairs.push([rawHeaders[at] ?? "", rawHeaders[at + 1] ?? ""]);
  return pairs.filter(([name]) => name.toLowerCase() !== "date");
}
