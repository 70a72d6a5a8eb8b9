import { type Command, defineCommand } from "../cli/command.ts";
import { serve } from "./serve.ts";

export const serveCommand: Command = defineCommand({
  name: "serve",
  summary: "serve MCP over HTTP, or with --stdio over stdin and stdout (the default)",
  about: ["serves MCP over HTTP, or over stdin and stdout with --stdio"],
  settings: "all",
  flags: {},
  // It drains when asked to stop, and ends at once when asked again.
  ownsSignals: true,
  run: async ({ table, resolved }) => {
    await serve(table, resolved);
    return 0;
  },
});
