/** The official v2 client, in both eras, over HTTP and stdio. */
import { Client, StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

import { answerOf, type Caller } from "./caller.ts";
import type { Command, Resume } from "./connect.ts";

export type Era = "2025" | "2026";

const timeout = 10_000;

export async function v2Http(url: string, era: Era, resume?: Resume): Promise<Caller> {
  const transport = new StreamableHTTPClientTransport(new URL(url), { ...resume });
  const end = async (): Promise<void> => {
    if (transport.sessionId !== undefined) await transport.terminateSession();
  };
  return connected(`v2 client, ${era}, HTTP`, era, transport, () => transport.sessionId, end);
}

export async function v2Stdio({ command, args, env }: Command, era: Era): Promise<Caller> {
  const transport = new StdioClientTransport({ command, args: [...args], env: { ...env }, stderr: "ignore" });
  return connected(
    `v2 client, ${era}, stdio`,
    era,
    transport,
    () => undefined,
    async () => {},
  );
}

async function connected(
  name: string,
  era: Era,
  transport: Transport,
  wireSession: () => string | undefined,
  endSession: () => Promise<void>,
): Promise<Caller> {
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const client = new Client({ name: "holdfast-tests", version: "1.0.0" }, { versionNegotiation: { mode } });
  await client.connect(transport, { timeout });
  return {
    name,
    get wireSession() {
      return wireSession();
    },
    get revision() {
      return client.getNegotiatedProtocolVersion();
    },
    async tools() {
      const { tools } = await client.listTools({}, { timeout });
      return tools.map((tool) => tool.name);
    },
    async call(tool, args = {}) {
      return answerOf(await client.callTool({ name: tool, arguments: { ...args } }, { timeout }));
    },
    async end() {
      await endSession();
      await client.close();
    },
    async [Symbol.asyncDispose]() {
      await client.close();
    },
  };
}
