import type { SessionDeps } from "../deps.ts";
import type { Exchanges } from "../exchanges.ts";
import { errorResponse, type RpcResponse } from "../messages.ts";
import { leaseMs, type NodeLife } from "../node-life.ts";
import { endRound, failed, timedOut } from "../questions/end-round.ts";
import type { OpenSession } from "../session-gate.ts";
import { type CallDocument, callKey, isOverdue, readCallDocument } from "./call-record.ts";
import { endCall } from "./end-call.ts";

const lostText = "The server that ran this call stopped before it was done; it may be repeated";
const endedText = "The session has ended";

/**
 * Finds out whether the stream of a POST can still end, once everything of it has been sent and it does not run here. If
 * not, the log is given the end that its node could not write: the client gets an answer, not silence.
 */
export class LostCall {
  readonly #deps: SessionDeps;
  readonly #life: NodeLife;
  readonly #exchanges: Exchanges;
  readonly #session: OpenSession;
  readonly #streamId: string;
  #known: CallDocument | undefined;
  #doubted = false;

  constructor(deps: SessionDeps, life: NodeLife, exchanges: Exchanges, session: OpenSession, streamId: string) {
    this.#deps = deps;
    this.#life = life;
    this.#exchanges = exchanges;
    this.#session = session;
    this.#streamId = streamId;
  }

  /** What the client is still owed when its session is over, as far as it is known. */
  owed(): readonly RpcResponse[] {
    return (this.#known?.unanswered ?? []).map((id) => errorResponse(id, -32000, endedText));
  }

  /** Whether to wait for more; `again` has the log looked at anew first. */
  async mayStillAnswer(again: () => void): Promise<boolean> {
    if (this.#exchanges.has(this.#streamId)) return true;
    const { owner } = this.#session;
    const { record, at } = await this.#deps.store.read(owner, callKey(this.#streamId));
    if (record === undefined) return this.#onceMore(again);
    const document = readCallDocument(record.document);
    this.#known = document;
    const { asking } = document;
    if (asking === undefined) {
      if (await this.#runs(document.node, at - record.updatedAt)) return true;
      await endCall(this.#deps, this.#session, {
        streamId: this.#streamId,
        version: record.version,
        answers: document.unanswered.map((id) => errorResponse(id, -32603, lostText)),
      });
    } else if (isOverdue(record, at)) {
      await endRound(this.#deps, this.#session, this.#streamId, record.version, asking, failed(asking, timedOut));
    } else {
      return true;
    }
    again();
    return true;
  }

  /** The call is over: what was written between the last look at the log and now is still to be sent. */
  #onceMore(again: () => void): boolean {
    if (this.#doubted) return false;
    this.#doubted = true;
    again();
    return true;
  }

  async #runs(node: string, sinceMs: number): Promise<boolean> {
    // Whatever runs here is known here.
    if (node === this.#deps.ids.node) return this.#exchanges.has(this.#streamId);
    const state = await this.#life.stateOf(node);
    // A node writes down what it runs before it has said that it lives: the one is a sign of the other, for as long.
    return state === "alive" || (state === "silent" && sinceMs < leaseMs);
  }
}
