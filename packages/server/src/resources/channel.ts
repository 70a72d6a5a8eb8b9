import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import type { ServeContext } from "holdfast";

import type { Kinds } from "../kinds.ts";
import { channelUri } from "../tools/channels.ts";
import { isoTime } from "../tools/time.ts";

// Made once: what it matches never changes.
const template = new ResourceTemplate("channel://{channel}", { list: undefined });

const about = {
  title: "Channel",
  description:
    "Who is in a channel, and who came and went lately. Subscribe to it to be told of arrivals, departures and messages.",
  mimeType: "application/json",
} as const;

const shownEvents = 20;

/** A caller's channels as resources. */
export function registerChannelResource(server: McpServer, { state }: ServeContext<Kinds>): void {
  server.registerResource("channel", template, about, async (_, { channel: encoded }) => {
    // The template has one value for its one variable.
    const name = decodeURIComponent(String(encoded));
    const channel = state.channel(name);
    const [members, { events }] = await Promise.all([channel.members(), channel.presence({ limit: 1_000 })]);
    const text = JSON.stringify({
      channel: name,
      members: members.map(({ session, label }) => label ?? session),
      recent_events: events
        .slice(-shownEvents)
        .map(({ type, session, label, at }) => ({ type, member: label ?? session, at: isoTime(at) })),
    });
    return { contents: [{ uri: channelUri(name), mimeType: about.mimeType, text }] };
  });
}
