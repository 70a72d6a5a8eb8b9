/** Those who flood a server: each goes on, as fast as it is let, until it is told to stop. */
import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { request as httpRequest } from "node:http";
import { connect as dial } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export type Target = {
  readonly url: string;
  /** Of somebody who may call, and means ill. */
  readonly token: string;
};

export type Attack = {
  readonly name: string;
  /** How many do this at once. */
  readonly many: number;
  /** What the server may answer. Anything else is a finding; 0 stands for a closed connection. */
  readonly allowed: readonly number[];
  readonly strike: (target: Target, signal: AbortSignal) => Promise<number>;
};

const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const megabyte = 1024 * 1024;
const big: Buffer = Buffer.alloc(5 * megabyte, " ");
const slowEveryMs = 500;

/** The status of one request, or 0 where the connection was closed on us. */
function send(
  { url, token }: Target,
  signal: AbortSignal,
  given: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string | Buffer },
): Promise<number> {
  const { method = "POST", headers = {}, body } = given;
  return new Promise((resolve) => {
    const authorization = `Bearer ${token}`;
    const sent = httpRequest(url, { method, agent: false, signal, headers: { ...json, authorization, ...headers } });
    sent.once("response", (response) => {
      resolve(response.statusCode ?? 0);
      // Of a stream the head is enough.
      response.destroy();
    });
    sent.once("error", () => resolve(0));
    sent.end(body);
  });
}

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "flood", version: "1" } },
});
const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

function wireId(): string {
  return `ses_${randomBytes(17).toString("base64url").slice(0, 22)}.${randomBytes(32).toString("base64url")}`;
}

/** A request whose bytes come one by one, for as long as the server puts up with it. */
function trickle({ url, token }: Target, signal: AbortSignal, start: string, piece: string): Promise<number> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve) => {
    const socket = dial(Number(port), hostname);
    let status = 0;
    const timer = setInterval(() => socket.write(piece), slowEveryMs);
    const stop = (): void => void socket.destroy();
    signal.addEventListener("abort", stop, { once: true });
    socket.on("data", (part) => (status = Number(/^HTTP\/1\.1 (\d{3})/.exec(part.toString("latin1"))?.[1] ?? status)));
    socket.once("error", stop);
    socket.once("close", () => {
      clearInterval(timer);
      signal.removeEventListener("abort", stop);
      resolve(status);
    });
    socket.write(`POST /mcp HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n${start}`);
  });
}

export const attacks: readonly Attack[] = [
  {
    name: "heads that never end",
    many: 60,
    allowed: [0, 408],
    strike: (target, signal) => trickle(target, signal, "", "x-a: b\r\n"),
  },
  {
    name: "bodies that never end",
    many: 60,
    allowed: [0, 408, 400],
    strike: (target, signal) =>
      trickle(
        target,
        signal,
        `content-type: application/json\r\naccept: ${json.accept}\r\ncontent-length: 90000\r\n\r\n`,
        " ",
      ),
  },
  {
    name: "guessed session ids",
    many: 4,
    allowed: [0, 404, 429],
    strike: (target, signal) =>
      send(target, signal, {
        headers: { "mcp-session-id": wireId(), "mcp-protocol-version": "2025-11-25" },
        body: ping,
      }),
  },
  {
    name: "guessed session ids to end",
    many: 2,
    allowed: [0, 404, 429],
    strike: (target, signal) =>
      send(target, signal, {
        method: "DELETE",
        headers: { "mcp-session-id": wireId(), "mcp-protocol-version": "2025-11-25" },
      }),
  },
  {
    name: "wrong tokens",
    many: 4,
    allowed: [0, 401, 429],
    strike: ({ url }, signal) => send({ url, token: randomBytes(12).toString("hex") }, signal, { body: ping }),
  },
  {
    name: "new sessions without end",
    many: 4,
    allowed: [0, 200, 429],
    strike: (target, signal) => send(target, signal, { body: initialize }),
  },
  {
    name: "bodies that are too large, and say so",
    many: 2,
    allowed: [0, 413],
    strike: (target, signal) => send(target, signal, { headers: { "content-length": String(big.length) }, body: big }),
  },
  {
    name: "bodies that are too large, in pieces",
    many: 2,
    allowed: [0, 413],
    strike: (target, signal) => send(target, signal, { headers: { "transfer-encoding": "chunked" }, body: big }),
  },
  {
    name: "JSON that is deep, or many",
    many: 2,
    allowed: [0, 400],
    strike: (target, signal) =>
      send(target, signal, {
        headers: { "mcp-protocol-version": "2025-03-26" },
        body:
          Math.random() < 0.5
            ? `${"[".repeat(100_000)}1${"]".repeat(100_000)}`
            : `[${`${ping},`.repeat(5_000)}${ping}]`,
      }),
  },
];

export type Tally = Map<string, Map<number, number>>;

/** All of them at once, until the signal fires. Answers how often each was answered how. */
export async function attackAll(target: Target, signal: AbortSignal): Promise<Tally> {
  const tally: Tally = new Map();
  // Every strike that is under way listens.
  setMaxListeners(0, signal);
  const keepStriking = async ({ name, strike }: Attack): Promise<void> => {
    const seen = tally.get(name) ?? new Map<number, number>();
    tally.set(name, seen);
    while (!signal.aborted) {
      const status = await strike(target, signal);
      seen.set(status, (seen.get(status) ?? 0) + 1);
      // Refused connections come back at once: they must not starve this process of its own timers.
      if (status === 0) await delay(20);
    }
  };
  await Promise.all(attacks.flatMap((attack) => Array.from({ length: attack.many }, () => keepStriking(attack))));
  return tally;
}

/** What was answered that should not have been, in words. */
export function unexpected(tally: Tally): readonly string[] {
  return attacks.flatMap(({ name, allowed }) =>
    [...(tally.get(name) ?? [])]
      .filter(([status]) => !allowed.includes(status))
      .map(([status, count]) => `${name}: answered ${status}, ${count} times`),
  );
}
