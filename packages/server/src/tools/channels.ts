import { HoldfastError, isHoldfastError } from "holdfast";
import * as z from "zod";

import { anyJson, nameOf, sessionId } from "./arguments.ts";
import { type Caller, sessionOf, type Tool, tool } from "./define.ts";
import { isoTime } from "./time.ts";

const channel = nameOf("The channel's name. Your channels are yours alone; your sessions meet in them.");

export const joinChannel: Tool = tool({
  name: "join_channel",
  title: "Join a channel",
  description:
    "Adds the session to a channel, where your sessions leave messages for each other, and returns how many members it has. " +
    "Read with read_channel. A member of which nothing is heard for a day is dropped; joining again is always fine.",
  inputSchema: z.strictObject({ channel, session_id: sessionId }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const { members, changed } = await caller.state
      .channel(args.channel)
      .join(sessionOf(args, caller).id, { signal: caller.signal });
    if (changed) tellOthers(args.channel, caller);
    return { channel: args.channel, members };
  },
});

export const leaveChannel: Tool = tool({
  name: "leave_channel",
  title: "Leave a channel",
  description: "Takes the session out of a channel and returns how many members are left.",
  inputSchema: z.strictObject({ channel, session_id: sessionId }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const { members, changed } = await caller.state
      .channel(args.channel)
      .leave(sessionOf(args, caller).id, { signal: caller.signal });
    if (changed) tellOthers(args.channel, caller);
    return { channel: args.channel, members };
  },
});

export const broadcast: Tool = tool({
  name: "broadcast",
  title: "Send to a channel",
  description:
    "Leaves a message for all other members of a channel. The session has to have joined it. " +
    "position is the message's place in the channel, the same for everybody.",
  inputSchema: z.strictObject({
    channel,
    message: anyJson("Any JSON."),
    session_id: sessionId,
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  run: async (args, caller) => {
    const { position, recipients } = await caller.state
      .channel(args.channel)
      .broadcast(sessionOf(args, caller).id, args.message, { signal: caller.signal });
    tellOthers(args.channel, caller);
    return { channel: args.channel, position, recipients };
  },
});

export const readChannel: Tool = tool({
  name: "read_channel",
  title: "Read a channel",
  description:
    "The messages of a channel after a position, oldest first. To read on later, pass the position of the last message you have as `after`; " +
    "`next`, where there is one, says that more are there already.",
  inputSchema: z.strictObject({
    channel,
    after: z.int().min(0).default(0).describe("Only messages after this position."),
    limit: z.int().min(1).max(500).default(100).describe("Messages per page."),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  run: async ({ channel: name, after, limit }, { state, session, signal }) => {
    const page = await state
      .channel(name)
      .read({
        limit,
        signal,
        // From the start means from the oldest there still is.
        ...(after > 0 && { after }),
        ...(session !== undefined && { as: session.id }),
      })
      .catch((error: unknown) => {
        throw isHoldfastError(error, "REPLAY_WINDOW_EXCEEDED") ? beyond(after) : error;
      });
    const last = page.messages.at(-1);
    return {
      messages: page.messages.map(({ position, from, message, at }) => {
        return { position, from: from.label ?? from.session, message, at: isoTime(at) };
      }),
      ...(page.more && last !== undefined && { next: last.position }),
    };
  },
});

function beyond(after: number): HoldfastError {
  return new HoldfastError(
    "INVALID_ARGUMENT",
    `What would follow position ${after} is not in the channel: it is no longer kept, or the channel never came that far. Read without after.`,
  );
}

function tellOthers(name: string, { notify }: Caller): void {
  notify.resourceUpdated(channelUri(name));
}

/** The address under which clients subscribe to a channel. */
export function channelUri(name: string): string {
  return `channel://${encodeURIComponent(name)}`;
}
