/** The official v1 client, which knows nothing newer than 2025-11-25. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";

import { answerOf, type Caller } from "./caller.ts";
import type { Command, Resume } from "./connect.ts";

const timeout = 10_000;

export async function v1Http(url: string, resume?: Resume): Promise<Caller> {
  const transport = new StreamableHTTPClientTransport(new URL(url), resume && { sessionId: resume.sessionId });
  if (resume !== undefined) transport.setProtocolVersion(resume.protocolVersion);
  const end = async (): Promise<void> => {
    if (transport.sessionId !== undefined) await transport.terminateSession();
  };
  // Its optional members are declared without `undefined`, which exact optional types tell apart.
  const asTransport = transport as Transport;
  return connected(
    "v1 client, HTTP",
    asTransport,
    () => transport.sessionId,
    () => transport.protocolVersion,
    end,
  );
}

export async function v1Stdio({ command, args, env }: Command): Promise<Caller> {
  const transport = new StdioClientTransport({ command, args: [...args], env: { ...env }, stderr: "ignore" });
  return connected(
    "v1 client, stdio",
    transport,
    () => undefined,
    () => undefined,
    async () => {},
  );
}

async function connected(
  name: string,
  transport: Transport,
  wireSession: () => string | undefined,
  revision: () => string | undefined,
  endSession: () => Promise<void>,
): Promise<Caller> {
  const client = new Client({ name: "holdfast-tests", version: "1.0.0" });
  await client.connect(transport, { timeout });
  return {
    name,
    get wireSession() {
      return wireSession();
    },
    get revision() {
      return revision();
    },
    async tools() {
      const { tools } = await client.listTools({}, { timeout });
      return tools.map((tool) => tool.name);
    },
    async call(tool, args = {}) {
      return answerOf(await client.callTool({ name: tool, arguments: { ...args } }, undefined, { timeout }));
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
