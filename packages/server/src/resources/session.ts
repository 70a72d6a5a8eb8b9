/** Sessions as resources: what get_context tells, to read and to subscribe to. */
import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import type { ServeContext } from "holdfast";

import type { Kinds } from "../kinds.ts";
import { contextOf } from "../tools/session-context.ts";
import { listedFor } from "./listed.ts";
import { sessionUri } from "./uris.ts";

/** Sessions that a listing of resources names; list_sessions has them all. */
const maxListed = 100;
const newestOfEach = 10;
const mimeType = "application/json";

export function registerSessionResource(server: McpServer, { sessions, principal }: ServeContext<Kinds>): void {
  const template = new ResourceTemplate("session://{session_id}", {
    list: listedFor(principal, async () => {
      const page = await sessions.list({ limit: maxListed });
      const resources = page.records.map(({ id, label }) => ({
        uri: sessionUri(id),
        name: label ?? id,
        mimeType,
      }));
      return { resources };
    }),
  });
  server.registerResource(
    "session",
    template,
    {
      title: "A session",
      description:
        "Label, metadata, preferences, counters, newest actions and newest tool calls of one of your sessions.",
      mimeType,
    },
    async (uri, { session_id: id }, { mcpReq }) => {
      const session = sessions.open(String(id));
      const text = JSON.stringify(await contextOf(session, newestOfEach, mcpReq.signal));
      return { contents: [{ uri: uri.href, mimeType, text }] };
    },
  );
}
