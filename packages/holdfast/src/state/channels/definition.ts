/**
 * The built-in kind `channel`: a record per name.
 *
 * - document: the members, each with the moment until which it counts as one;
 * - streams: `messages`, and `presence`, which is who came and went.
 *
 * Messages are appends, which conflict with nobody; only who comes or goes changes the document.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";

import { defineKind, type KindDefinition } from "../definition.ts";
import type { HoldLimits } from "../limits.ts";

export const channelKind = "channel";
export const channelPrefix = "chn";
export const messagesStream = "messages";
export const presenceStream = "presence";
export const maxMembers = 1_000;

/** Times are milliseconds by the store's clock. */
export type Member = {
  readonly label?: string | undefined;
  readonly joinedAt: number;
  readonly stayMs: number;
  readonly until: number;
};

export type ChannelDocument = { members: Record<string, Member> };

export function defineChannel(limits: HoldLimits): KindDefinition {
  return defineKind(channelKind, {
    schema,
    scope: "named",
    prefix: channelPrefix,
    idle: "30d",
    initial: () => ({ members: {} }),
    limits: { maxEventBytes: limits.maxActionBytes, maxEventsKept: limits.maxMessagesKept },
  });
}

/** Nobody but this folder writes such documents, so the outline is enough. */
const schema: StandardSchemaV1<ChannelDocument> = {
  "~standard": {
    version: 1,
    vendor: "holdfast",
    validate: (value) =>
      isChannelDocument(value) ? { value } : { issues: [{ message: "not the document of a channel" }] },
  },
};

function isChannelDocument(value: unknown): value is ChannelDocument {
  if (typeof value !== "object" || value === null || !("members" in value)) return false;
  return typeof value.members === "object" && value.members !== null;
}

export function memberOf({ members }: ChannelDocument, session: string): Member | undefined {
  return Object.hasOwn(members, session) ? members[session] : undefined;
}

/** Whether so much of a member's stay is over that a sign of life is worth a commit. */
export function isDue({ stayMs, until }: Member, at: number): boolean {
  return until - at < stayMs * 0.75;
}

export function labelOf({ label }: Member): { readonly label?: string } {
  return label === undefined ? {} : { label };
}
