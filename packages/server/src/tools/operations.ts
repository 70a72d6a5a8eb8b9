import * as z from "zod";

import { isAdmin, mustBeAdmin, type Tool, tool } from "./define.ts";

const noArguments = z.strictObject({});
const annotations = { readOnlyHint: true, openWorldHint: false } as const;

export const serverStats: Tool = tool({
  name: "server_stats",
  title: "Server statistics",
  description:
    "How the server is doing, and how much of it is yours. With the scope admin, also what concerns the whole node.",
  inputSchema: noArguments,
  annotations,
  run: async (_, caller) => {
    const { node, era, principal, signal } = caller;
    return {
      ...node.facts(),
      era,
      own: await node.usage(principal, signal),
      calls: node.calls(),
      ...(isAdmin(caller) && node.internals()),
    };
  },
});

export const getServerConfig: Tool = tool({
  name: "get_server_config",
  title: "Server configuration",
  description: "The settings this server runs with, secrets left out. Needs the scope admin, or to be the local user.",
  inputSchema: noArguments,
  annotations,
  run: async (_, caller) => {
    mustBeAdmin(caller, "get_server_config");
    return caller.node.configuration();
  },
});
