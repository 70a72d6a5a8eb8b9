/**
 * Calls that wait in the store for their client. Whatever the client says about them may arrive at any node, and that
 * node does what there is to do: nothing here remembers who asked.
 */
import type { JSONRPCRequest } from "@modelcontextprotocol/server";

import type { Change } from "../../../record/change.ts";
import { HoldfastError, isHoldfastError } from "../../../record/errors.ts";
import type { Version } from "../../../record/record.ts";
import {
  type Asking,
  type CallDocument,
  callDocument,
  callKey,
  callLifetime,
  isOverdue,
  readCallDocument,
  resumesCounter,
} from "../calls/call-record.ts";
import { openCalls } from "../calls/clear-calls.ts";
import { endCall } from "../calls/end-call.ts";
import type { SessionDeps } from "../deps.ts";
import { errorResponse, type RpcId, type RpcResponse } from "../messages.ts";
import type { OpenSession } from "../session-gate.ts";
import { transportKey } from "../transport-record.ts";
import { checkAnswer } from "./check-answer.ts";
import { endRound, failed, timedOut } from "./end-round.ts";
import { streamOfQuestion } from "./question-id.ts";

/** A call all of whose questions are answered, and which is this node's to go on with. */
export type Resumption = {
  readonly streamId: string;
  readonly request: JSONRPCRequest;
  readonly round: number;
  /** To be called once the call is at work again. */
  readonly started: () => void;
  /** The record as this node left it. */
  readonly standing: { readonly version: Version; readonly document: CallDocument; readonly resumes: number };
};

export type RoundsInit = {
  readonly deps: SessionDeps;
  /** Called before a call is taken, so that nobody here finds it running nowhere; what it returns if it was not. */
  readonly starting: (streamId: string) => () => void;
};

/** What an answer came to: whether it was one to a question of this session, and the call it completes. */
export type Answered = { readonly known: boolean; readonly resumption?: Resumption | undefined };

type Waiting = {
  readonly version: Version;
  readonly resumes: number;
  readonly document: CallDocument;
  readonly asking: Asking;
  readonly overdue: boolean;
};

const attempts = 64;
const lookDelaysMs: readonly number[] = [2_000, 5_000, 10_000, 30_000, 60_000];
const unknownText = "The answers were lost on their way to the call; it may be repeated";

export class Rounds {
  readonly #init: RoundsInit;

  constructor(init: RoundsInit) {
    this.#init = init;
  }

  /**
   * Takes the client's answer to a question. Answers to nothing, and second answers, change nothing. Whoever brings the
   * last answer of a round takes the call, in the commit that stores it: one of however many nodes.
   */
  async answer(session: OpenSession, response: RpcResponse): Promise<Answered> {
    const streamId = streamOfQuestion(response.id, session.document.secretHash);
    if (streamId === undefined) return { known: false };
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const waiting = await this.#read(session, streamId);
      const question = waiting?.asking.questions.find(({ id }) => id === response.id);
      if (waiting === undefined || question === undefined || question.answer !== undefined) return { known: true };
      const checked = waiting.overdue ? { reason: timedOut } : checkAnswer(question, response);
      if ("reason" in checked) {
        const answer = failed(waiting.asking, checked.reason);
        if (await this.#end(session, streamId, waiting, question.id, answer)) return { known: true };
        continue;
      }
      const questions = waiting.asking.questions.map((one) =>
        one.id === question.id ? { ...one, answer: checked.answer } : one,
      );
      const asking = { ...waiting.asking, questions };
      if (questions.some(({ answer }) => answer === undefined)) {
        if (await this.#keep(session, streamId, waiting.version, { ...waiting.document, asking }))
          return { known: true };
        continue;
      }
      const resumption = await this.#take(session, streamId, waiting, asking);
      if (resumption !== undefined) return { known: true, resumption };
    }
    throw new HoldfastError("CONTENTION", "others changed a call all the while its answer was stored; send it again");
  }

  /** Who reports progress on a question is given its whole time again. True if it was one of this session. */
  async progress(session: OpenSession, token: unknown): Promise<boolean> {
    const streamId = streamOfQuestion(token, session.document.secretHash);
    if (streamId === undefined) return false;
    await this.#init.deps.store.commit(session.owner, [{ ...callKey(streamId), expect: "present", slide: true }]);
    return true;
  }

  /** The client cancels a request: if it is a call that waits, it is over. True if so. */
  async cancel(session: OpenSession, requestId: RpcId): Promise<boolean> {
    let found = false;
    for await (const streamId of openCalls(this.#init.deps.store, session.owner, session.id, { asking: true })) {
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        const waiting = await this.#read(session, streamId);
        if (waiting?.asking.request.id !== requestId) break;
        found = true;
        if (await this.#end(session, streamId, waiting, undefined, undefined)) break;
      }
    }
    return found;
  }

  async #read(session: OpenSession, streamId: string): Promise<Waiting | undefined> {
    const { record, at } = await this.#init.deps.store.read(session.owner, callKey(streamId));
    if (record === undefined) return undefined;
    const document = readCallDocument(record.document);
    const { asking } = document;
    if (asking === undefined || document.session !== session.id) return undefined;
    const resumes = record.counters.get(resumesCounter) ?? 0;
    return { version: record.version, resumes, document, asking, overdue: isOverdue(record, at) };
  }

  /** Ends a round; what the client has just answered need not be taken back. */
  #end(
    session: OpenSession,
    streamId: string,
    { version, asking }: Waiting,
    answeredId: string | undefined,
    answer: RpcResponse | undefined,
  ): Promise<boolean> {
    const questions = asking.questions.filter(({ id }) => id !== answeredId);
    return endRound(this.#init.deps, session, streamId, version, { ...asking, questions }, answer);
  }

  async #keep(session: OpenSession, streamId: string, version: Version, document: CallDocument): Promise<boolean> {
    const committed = await this.#commit(session, streamId, version, document);
    return committed !== undefined;
  }

  async #take(
    session: OpenSession,
    streamId: string,
    { resumes, document, version }: Waiting,
    asking: Asking,
  ): Promise<Resumption | undefined> {
    const { deps, starting } = this.#init;
    const { session: id, unanswered } = document;
    const running: CallDocument = { session: id, node: deps.ids.node, unanswered };
    const giveUp = starting(streamId);
    try {
      const taken = await this.#commit(session, streamId, version, running);
      if (taken === undefined) {
        giveUp();
        return undefined;
      }
      await deps.failurePoint?.("after-answers");
      return {
        streamId,
        request: withAnswers(asking),
        round: asking.round,
        started: giveUp,
        standing: { version: taken, document: running, resumes },
      };
    } catch (error) {
      giveUp();
      // It may be this node's all the same, and whoever reads its stream elsewhere waits for this node.
      if (isHoldfastError(error) && error.retryable) this.#giveBackLater(session, streamId);
      throw error;
    }
  }

  /** Ends a call that was taken here without anybody hearing of it, once the store can tell. */
  #giveBackLater(session: OpenSession, streamId: string, [delayMs, ...later]: readonly number[] = lookDelaysMs): void {
    if (delayMs === undefined) return;
    setTimeout(() => {
      this.#giveBack(session, streamId).catch((error: unknown) => {
        this.#init.deps.onError(error);
        this.#giveBackLater(session, streamId, later);
      });
    }, delayMs).unref();
  }

  async #giveBack(session: OpenSession, streamId: string): Promise<void> {
    const { deps } = this.#init;
    const { record } = await deps.store.read(session.owner, callKey(streamId));
    const document = record && readCallDocument(record.document);
    if (record === undefined || document === undefined || document.asking !== undefined) return;
    if (document.node !== deps.ids.node) return;
    const answers = document.unanswered.map((id) => errorResponse(id, -32603, unknownText));
    await endCall(deps, session, { streamId, version: record.version, answers });
  }

  async #commit(
    session: OpenSession,
    streamId: string,
    version: Version,
    document: CallDocument,
  ): Promise<Version | undefined> {
    const call: Change = {
      ...callKey(streamId),
      expect: version,
      document: callDocument(document),
      lifetime: callLifetime(document),
    };
    // A session that has ended meanwhile takes no answers.
    const committed = await this.#init.deps.store.commit(session.owner, [
      { ...transportKey(session.id), expect: "present" },
      call,
    ]);
    if (committed.ok) return committed.results[1]?.version;
    const { refusal } = committed;
    if (refusal.reason === "version" && refusal.index === 0)
      throw new HoldfastError("NOT_FOUND", "the session is over");
    return undefined;
  }
}

/** The call as a client of the 2026-07-28 revision would repeat it. */
function withAnswers({ request, requestState, questions }: Asking): JSONRPCRequest {
  const inputResponses = Object.fromEntries(questions.map(({ key, answer }) => [key, answer]));
  return {
    ...request,
    params: { ...request.params, inputResponses, ...(requestState !== undefined && { requestState }) },
  };
}
