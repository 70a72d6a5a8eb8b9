import type { Position, StoredEvent } from "../../record/record.ts";
import type { SessionDeps } from "./deps.ts";
import { type LogEntry, readLogEntry, writeLogEntry } from "./log-entry.ts";
import { errorResponse, isObject, type RpcId } from "./messages.ts";
import type { NodeLife } from "./node-life.ts";
import type { OpenSession } from "./session-gate.ts";
import { outStream, transportKey } from "./transport-record.ts";

const lostText = "The server that ran this call stopped before it was done; it may be repeated";
const pageSize = 1_000;

type StreamSoFar = {
  /** Where the call ran; undefined if the log does not go back that far. */
  readonly node: string | undefined;
  readonly unanswered: readonly RpcId[];
  readonly head: Position;
  readonly over: boolean;
};

/**
 * Finds out whether the stream of a POST can still end, once everything of it has been sent and it does not run here. If
 * not, the log is given the end that its node could not write: the client gets an answer, not silence.
 */
export class LostCall {
  readonly #deps: SessionDeps;
  readonly #life: NodeLife;
  readonly #session: OpenSession;
  readonly #streamId: string;
  #doubted = false;

  constructor(deps: SessionDeps, life: NodeLife, session: OpenSession, streamId: string) {
    this.#deps = deps;
    this.#life = life;
    this.#session = session;
    this.#streamId = streamId;
  }

  /** Whether to wait for more; `again` has the log looked at anew first. */
  async mayStillAnswer(again: () => void): Promise<boolean> {
    const { node, unanswered, head, over } = await this.#readStream();
    if (over) return false;
    const runsElsewhere = node !== undefined && node !== this.#deps.ids.node && (await this.#life.isAlive(node));
    if (runsElsewhere) return true;
    if (this.#doubted) await this.#writeEnd(unanswered, head);
    // What was written between the last look and this doubt has to be seen before the call is given up.
    this.#doubted = true;
    again();
    return true;
  }

  async #writeEnd(unanswered: readonly RpcId[], head: Position): Promise<void> {
    const streamId = this.#streamId;
    const errors = unanswered.map((id) => JSON.stringify(errorResponse(id, -32603, lostText)));
    const entries: LogEntry[] = errors.map((payload, index) => ({
      streamId,
      tag: index === errors.length - 1 ? "last" : "message",
      payload,
    }));
    if (entries.length === 0) entries.push({ streamId, tag: "end", payload: "" });
    // Whoever finds out at the same time writes the same; only one of them is let.
    await this.#deps.store.commit(this.#session.owner, [
      {
        ...transportKey(this.#session.id),
        expect: "present",
        appends: [
          {
            stream: outStream,
            data: entries.map(writeLogEntry),
            expectedHead: head,
            keep: this.#deps.options.maxLogEvents,
          },
        ],
      },
    ]);
  }

  async #readStream(): Promise<StreamSoFar> {
    const { store } = this.#deps;
    const key = transportKey(this.#session.id);
    const unanswered = new Set<RpcId>();
    let node: string | undefined;
    let head = 0;
    let over = false;
    for (let after = 0, more = true; more; ) {
      const page = await store.events(this.#session.owner, key, outStream, { after, limit: pageSize });
      if (page === undefined) return { node, unanswered: [], head, over: true };
      for (const event of page.events) {
        after = event.position;
        const entry = this.#entryOf(event);
        if (entry === undefined) continue;
        over ||= entry.tag === "last" || entry.tag === "end";
        const said: unknown = entry.payload === "" ? undefined : JSON.parse(entry.payload);
        if (!isObject(said)) continue;
        if (entry.tag === "open") {
          // Written by the exchange that opened the stream.
          node = said["node"] as string;
          for (const id of said["requests"] as readonly RpcId[]) unanswered.add(id);
        } else if (!("method" in said)) {
          unanswered.delete(said["id"] as RpcId);
        }
      }
      head = page.head;
      more = page.more;
    }
    return { node, unanswered: [...unanswered], head, over };
  }

  #entryOf(event: StoredEvent): LogEntry | undefined {
    const entry = readLogEntry(event.data);
    return entry?.streamId === this.#streamId ? entry : undefined;
  }
}
