/** Confirmations out of band where there is no Streamable HTTP: over stdin and stdout, and over the deprecated HTTP+SSE. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { Client, SSEClientTransport, type Transport } from "@modelcontextprotocol/client";
import { type App, type Hold, holdfast, localUser, reply, requires, serve } from "holdfast";
import { afterEach, beforeEach, expect, it } from "vitest";

import { type Answer, answerOf } from "../clients/caller.ts";

let hold: Hold;
let app: App;
let paid: number;
const errors: unknown[] = [];

beforeEach(async () => {
  paid = 0;
  hold = await holdfast({ store: "memory:" });
  app = serve(
    hold,
    { name: "shop", version: "1.0.0" },
    (server, { stepUp }) => {
      server.registerTool("pay", requires({ description: "Pays." }, { stepUp: "payments" }), () =>
        reply({ paid: ++paid }),
      );
      server.registerTool("log_out", { description: "Logs out." }, async () => reply({ ended: await stepUp.revoke() }));
    },
    {
      stepUp: { payments: { url: (request) => `https://shop.example.com/confirm/${request}` } },
      onError: (error) => errors.push(error),
    },
  );
});
afterEach(async () => {
  await app.close();
  await hold.close();
  expect(errors.splice(0)).toEqual([]);
});

/** One end of a connection over two pipes, a message to a line. */
function lines(input: PassThrough, output: PassThrough): Transport {
  const transport: Transport = {
    start: async () => {
      let rest = "";
      output.setEncoding("utf8").on("data", (part: string) => {
        const parts = (rest + part).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts) transport.onmessage?.(JSON.parse(line));
      });
    },
    send: async (message) => void input.write(`${JSON.stringify(message)}\n`),
    close: async () => void input.end(),
  };
  return transport;
}

interface Shopper extends AsyncDisposable {
  call(tool: string): Promise<Answer>;
  readonly pages: readonly string[];
}

/** @param confirms whether its user presses the button of the page; the client says in any case that it was opened. */
async function connect(era: "2025" | "2026", transport: Transport, confirms: boolean): Promise<Shopper> {
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const capabilities = { elicitation: { url: {} } };
  const client = new Client({ name: "shopper", version: "1.0.0" }, { versionNegotiation: { mode }, capabilities });
  const pages: string[] = [];
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    if (params.mode !== "url") throw new Error("a form was asked for");
    const request = new URL(params.url).pathname.split("/").at(-1) ?? "";
    pages.push(request);
    if (confirms) await hold.stepUps(localUser).confirm(request);
    return { action: confirms ? "accept" : "decline" };
  });
  await client.connect(transport);
  return {
    pages,
    call: async (name) => answerOf(await client.callTool({ name, arguments: {} })),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** Says how often was paid. */
async function confirmsLapsesAndIsDeclined(open: (confirms: boolean) => Promise<Shopper>): Promise<number> {
  {
    await using one = await open(true);
    expect(await one.call("pay")).toEqual({ ok: true, value: { paid: 1 } });
    expect(await one.call("pay")).toEqual({ ok: true, value: { paid: 2 } });
    expect(one.pages).toHaveLength(1);
    expect(await one.call("log_out")).toMatchObject({ ok: true });
    expect(await one.call("pay")).toEqual({ ok: true, value: { paid: 3 } });
    expect(one.pages).toHaveLength(2);
    await one.call("log_out");
  }
  await using other = await open(false);
  expect(await other.call("pay")).toMatchObject({ ok: false, fault: { code: "forbidden" } });
  expect(other.pages).toHaveLength(1);
  return paid;
}

it.each(["2025", "2026"] as const)("are asked for, remembered and forgotten over stdio, %s", async (era) => {
  const times = await confirmsLapsesAndIsDeclined(async (confirms) => {
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    await app.stdio({ stdin, stdout });
    return await connect(era, lines(stdin, stdout), confirms);
  });
  expect(times).toBe(3);
});

it("are asked for, remembered and forgotten over HTTP+SSE", async () => {
  const server: Server = createServer(app.httpSse.node);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    // A server that listens on TCP has such an address.
    const { port } = server.address() as AddressInfo;
    const url = new URL(`http://127.0.0.1:${port}/sse`);
    const times = await confirmsLapsesAndIsDeclined((confirms) =>
      connect("2025", new SSEClientTransport(url), confirms),
    );
    expect(times).toBe(3);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
