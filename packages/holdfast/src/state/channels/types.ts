import type { Position, Version } from "../../record/record.ts";
import type { CallOptions, ChangeOptions, Duration } from "../types.ts";

/** As whom a session joins a channel, and how long it stays without a sign of life. */
export type JoinOptions = CallOptions & {
  /** How others see the member. Default: the session's label, if it has one. */
  readonly label?: string;
  /** Without a sign of life for this long the member is dropped. Default 24 hours. */
  readonly stay?: Duration;
};

/** A session that is in a channel. */
export type ChannelMember = {
  readonly session: string;
  readonly label?: string | undefined;
  readonly joinedAt: Date;
};

/** What came of joining or leaving: how many members there are now. */
export type Membership = { readonly members: number; readonly changed: boolean };

/** What a broadcast came to. */
export type Broadcasted = {
  readonly position: Position;
  /** Members apart from the sender. */
  readonly recipients: number;
  readonly replayed: boolean;
};

/** A message of a channel. */
export type ChannelMessage = {
  readonly position: Position;
  /** The session that sent it. */
  readonly from: { readonly session: string; readonly label?: string | undefined };
  readonly message: unknown;
  readonly at: Date;
};

/** Somebody joined, left, or was dropped since nothing was heard of it. */
export type Presence = {
  readonly position: Position;
  readonly type: "joined" | "left" | "dropped";
  readonly session: string;
  readonly label?: string | undefined;
  readonly at: Date;
};

/** Which messages, arrivals or departures of a channel to read. */
export type ChannelQuery = CallOptions & {
  /** Only what came after this position: a cursor. `REPLAY_WINDOW_EXCEEDED` where what follows it is gone. */
  readonly after?: Position;
  /**
   * The `incarnation` of the page the cursor is from. A channel that nobody used for thirty days ends, and one of its name
   * begins its positions anew; with this the old cursor is `REPLAY_WINDOW_EXCEEDED` instead of a gap.
   */
  readonly incarnation?: Version | undefined;
  /** 1 to 1,000. Default 100. */
  readonly limit?: number;
  /** The member that reads: a sign of life. */
  readonly as?: string;
};

/** What a page of a channel says besides. */
export type ChannelPage = {
  readonly more: boolean;
  /** Tells the channel from earlier ones of its name; keep it with the cursor. Absent while there is none yet. */
  readonly incarnation?: Version | undefined;
};

/**
 * Messages between sessions of one caller, kept in one order that is the same on every node. Nothing is delivered to
 * anybody: members read from a cursor, so a broadcast is one commit however many there are.
 */
export interface Channel {
  readonly name: string;
  /** Adds a session; again, it is a sign of life. Throws `NOT_FOUND` unless the session is live. */
  join(session: string, options?: JoinOptions): Promise<Membership>;
  leave(session: string, options?: CallOptions): Promise<Membership>;
  /** Appends a message. Throws `INVALID_ARGUMENT` unless the sender has joined. */
  broadcast(session: string, message: unknown, options?: ChangeOptions): Promise<Broadcasted>;
  /** Oldest first. */
  read(query?: ChannelQuery): Promise<ChannelPage & { readonly messages: readonly ChannelMessage[] }>;
  /** Who came and went, oldest first. */
  presence(query?: ChannelQuery): Promise<ChannelPage & { readonly events: readonly Presence[] }>;
  members(options?: CallOptions): Promise<readonly ChannelMember[]>;
  /** Calls the listener when there may be something new. May be called for nothing, and now and then not: look by yourself too. */
  watch(listener: () => void): () => void;
}

/** The caller's channels. */
export interface Channels {
  /** The channel of a name, 1 to 128 characters, made when somebody joins. No I/O. */
  channel(name: string): Channel;
}
