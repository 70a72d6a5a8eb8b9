import { type Command, defineCommand } from "../cli/command.ts";

export const serveCommand: Command = defineCommand({
  name: "serve",
  summary: "serve MCP over HTTP, or with --stdio over stdin and stdout (the default)",
  about: ["serves MCP over HTTP, or over stdin and stdout with --stdio"],
  settings: "all",
  flags: {},
  // It drains when asked to stop, and ends at once when asked again.
  ownsSignals: true,
  run: async ({ table, resolved }) => {
    // Only serving needs the protocol's machinery, which takes longer to load than any other command takes to run.
    const { serve } = await import("./serve.ts");
    await serve(table, resolved);
    return 0;
  },
});
