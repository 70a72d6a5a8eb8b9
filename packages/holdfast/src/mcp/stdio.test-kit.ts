/** The client's end of a stdio connection, for tests. */
import { PassThrough } from "node:stream";

export type Message = {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number };
};

export class Pipe {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly lines: Message[] = [];
  #text = "";
  #wake: () => void = () => undefined;
  #ids = 0;

  constructor() {
    this.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      this.#text += chunk;
      const lines = this.#text.split("\n");
      this.#text = lines.pop() ?? "";
      for (const line of lines) this.lines.push(JSON.parse(line) as Message);
      this.#wake();
    });
  }

  tell(message: Record<string, unknown>): void {
    this.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  async next(wanted: (message: Message) => boolean): Promise<Message> {
    const end = performance.now() + 3_000;
    for (;;) {
      const found = this.lines.find(wanted);
      if (found !== undefined) return found;
      if (performance.now() > end) throw new Error(`not among what was said: ${JSON.stringify(this.lines)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 20);
      });
    }
  }

  async ask(method: string, params: Record<string, unknown> = {}): Promise<Message> {
    const id = ++this.#ids;
    this.tell({ id, method, params });
    return this.next((message) => message.id === id && message.method === undefined);
  }

  async initialize(): Promise<Message> {
    const answer = await this.ask("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "c", version: "1" },
    });
    this.tell({ method: "notifications/initialized" });
    return answer;
  }

  async call(
    name: string,
    given: Record<string, unknown> = {},
    meta?: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    const { result } = await this.ask("tools/call", {
      name,
      arguments: given,
      ...(meta === undefined ? {} : { _meta: meta }),
    });
    return (result?.["structuredContent"] ?? {}) as Record<string, unknown>;
  }
}
