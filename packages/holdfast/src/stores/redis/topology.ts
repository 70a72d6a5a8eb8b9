/** Which server a key lies on, and how to get there. */
import type { Line } from "./dial.ts";
import type { RedisNode } from "./node.ts";

export interface Topology {
  /** Reaches every server once, or rejects. */
  connect(): Promise<void>;
  /**
   * Sends a command to the server where a key lies, following it where it has moved. Rejects with `Refused` or
   * `UNAVAILABLE`, having changed nothing, or with `Lost`.
   */
  send(key: string, command: readonly string[]): Promise<unknown>;
  /** The servers that take changes, by name. */
  nodes(): ReadonlyMap<string, RedisNode>;
  /** Further lines for listening, each with the channels it is for. */
  linesFor(
    channels: readonly string[],
  ): Promise<readonly { readonly line: Line; readonly channels: readonly string[] }[]>;
  close(): Promise<void>;
}
