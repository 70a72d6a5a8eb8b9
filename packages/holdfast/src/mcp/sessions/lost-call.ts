import type { Position } from "../../record/record.ts";
import { readCallNote, writeCallNote } from "./call-note.ts";
import type { SessionDeps } from "./deps.ts";
import { writeHint } from "./hints.ts";
import { type LogEntry, writeLogEntry } from "./log-entry.ts";
import { errorResponse, type RpcId } from "./messages.ts";
import type { NodeLife } from "./node-life.ts";
import type { OpenSession } from "./session-gate.ts";
import { nodeOfStream } from "./stream-id.ts";
import { callStream, outStream, sessionTopic, transportKey } from "./transport-record.ts";

const lostText = "The server that ran this call stopped before it was done; it may be repeated";
const pageSize = 1_000;

/**
 * Finds out whether the stream of a POST can still end, once everything of it has been sent and it does not run here. If
 * not, the log is given the end that its node could not write: the client gets an answer, not silence.
 */
export class LostCall {
  readonly #deps: SessionDeps;
  readonly #life: NodeLife;
  readonly #session: OpenSession;
  readonly #streamId: string;
  readonly #unanswered = new Set<RpcId>();
  /** How far the notes about the session's calls have been read. */
  #read: Position = 0;
  #over = false;
  #doubted = false;

  constructor(deps: SessionDeps, life: NodeLife, session: OpenSession, streamId: string) {
    this.#deps = deps;
    this.#life = life;
    this.#session = session;
    this.#streamId = streamId;
  }

  /** Whether to wait for more; `again` has the log looked at anew first. */
  async mayStillAnswer(again: () => void): Promise<boolean> {
    if (!(await this.#readNotes())) return false;
    if (!this.#over && (await this.#runsElsewhere())) return true;
    if (!this.#doubted) {
      // What was written between the last look at the log and now has to be sent before the stream is given up.
      this.#doubted = true;
    } else if (this.#over) {
      return false;
    } else {
      await this.#writeEnd();
    }
    again();
    return true;
  }

  #runsElsewhere(): Promise<boolean> {
    const node = nodeOfStream(this.#streamId);
    return node === this.#deps.ids.node ? Promise.resolve(false) : this.#life.isAlive(node);
  }

  async #writeEnd(): Promise<void> {
    const streamId = this.#streamId;
    const errors = [...this.#unanswered].map((id) => JSON.stringify(errorResponse(id, -32603, lostText)));
    const entries: LogEntry[] = errors.map((payload, index) => ({
      streamId,
      tag: index === errors.length - 1 ? "last" : "message",
      payload,
    }));
    if (entries.length === 0) entries.push({ streamId, tag: "end", payload: "" });
    const { store, options, hint } = this.#deps;
    // Whoever finds out at the same time writes the same, and its node may yet have: only the first of them is let.
    const committed = await store.commit(this.#session.owner, [
      {
        ...transportKey(this.#session.id),
        expect: "present",
        appends: [
          { stream: outStream, data: entries.map(writeLogEntry), keep: options.maxLogEvents },
          { stream: callStream, data: [writeCallNote(streamId, { over: true })], expectedHead: this.#read },
        ],
      },
    ]);
    if (committed.ok) hint(sessionTopic(this.#session.id), writeHint({ type: "out", streams: [streamId] }));
  }

  /** False once the session is over. */
  async #readNotes(): Promise<boolean> {
    const { store } = this.#deps;
    const key = transportKey(this.#session.id);
    for (let more = true; more; ) {
      const page = await store.events(this.#session.owner, key, callStream, { after: this.#read, limit: pageSize });
      if (page === undefined) return false;
      for (const { data } of page.events) this.#take(data);
      // The head, and not the last event: all of them may have been trimmed.
      this.#read = page.more ? (page.events.at(-1)?.position ?? page.head) : page.head;
      more = page.more;
    }
    return true;
  }

  #take(data: string): void {
    const note = readCallNote(data, this.#streamId);
    if (note === undefined) return;
    if ("over" in note) this.#over = true;
    else if ("answered" in note) this.#unanswered.delete(note.answered);
    else for (const id of note.begun) this.#unanswered.add(id);
  }
}
