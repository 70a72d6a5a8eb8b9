import { type Command, defineCommand } from "../cli/command.ts";
import { flag } from "../settings/row.ts";

export const serveCommand: Command = defineCommand({
  name: "serve",
  summary: "serve MCP over HTTP, or with --stdio over stdin and stdout (the default)",
  about: ["serves MCP over HTTP, or over stdin and stdout with --stdio"],
  settings: "all",
  flags: {
    json: flag({
      default: false,
      group: "This command",
      help: "Also say on stdout, as one line of JSON, where it listens and on what",
    }),
  },
  examples: [
    ["holdfast serve --port 0 --store memory:", "to try it: any port, and nothing is kept"],
    ["holdfast serve --host 0.0.0.0 --auth-tokens tokens.json", "for other machines, who need a token"],
    ["holdfast serve --store tiered:redis://cache,postgres://app@db/app", "one of several nodes"],
    ["holdfast serve --stdio", "for a desktop client that starts it"],
  ],
  // It drains when asked to stop, and ends at once when asked again.
  ownsSignals: true,
  run: async ({ table, resolved, out }) => {
    // Only serving needs the protocol's machinery, which takes longer to load than any other command takes to run.
    const { serve } = await import("./serve.ts");
    await serve(table, resolved, out);
    return 0;
  },
});
