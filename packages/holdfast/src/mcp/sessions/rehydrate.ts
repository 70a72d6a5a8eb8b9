import { HoldfastError } from "../../record/errors.ts";
import type { Reply } from "../exchange.ts";
import { isObject } from "../is-object.ts";
import type { SessionDeps } from "./deps.ts";
import type { MakeInstance } from "./endpoint.ts";
import type { OpenSession } from "./session-gate.ts";
import { WarmSession } from "./warm-session.ts";
import type { WarmSessions } from "./warm-sessions.ts";

/** Makes a connected server out of a session's records, and keeps it warm. */
export class Rehydrator {
  readonly #deps: SessionDeps;
  readonly #warm: WarmSessions;
  readonly #instance: MakeInstance;

  constructor(deps: SessionDeps, warm: WarmSessions, instance: MakeInstance) {
    this.#deps = deps;
    this.#warm = warm;
    this.#instance = instance;
  }

  peek(session: OpenSession): WarmSession | undefined {
    return this.#warm.peek(session.owner, session.id);
  }

  /** The refusal where this node has as many sessions in use as it may, and this is none of them. */
  refuse({ owner, id }: OpenSession): Reply | undefined {
    return this.#warm.uses(owner, id) ? undefined : this.#deps.admission.refuseMore();
  }

  /** Every use ends with `done`. */
  use(session: OpenSession): Promise<WarmSession> {
    return this.#warm.open(session.owner, session.id, () => this.#rehydrate(session));
  }

  done(warm: WarmSession): void {
    this.#warm.done(warm);
  }

  async using<T>(session: OpenSession, work: (warm: WarmSession) => Promise<T>): Promise<T> {
    const warm = await this.use(session);
    try {
      return await work(warm);
    } finally {
      this.done(warm);
    }
  }

  /** One synthetic `initialize` with what was negotiated brings a fresh server to where the session is. */
  async #rehydrate(session: OpenSession): Promise<WarmSession> {
    const { document, principal, owner, id } = session;
    const started = performance.now();
    const server = this.#instance({ principal, session: this.#deps.hold.sessions(principal).open(id) });
    const warm = await WarmSession.connect(this.#deps, { owner, id, principal }, server);
    try {
      const { protocolVersion, capabilities, clientInfo } = document;
      const params = { protocolVersion, capabilities, clientInfo };
      const answer = await warm.instance.ask(
        { jsonrpc: "2.0", id: "holdfast-initialize", method: "initialize", params },
        this.#deps.options.deadlineMs,
      );
      const agreed = "result" in answer && isObject(answer.result) ? answer.result["protocolVersion"] : undefined;
      if (agreed !== protocolVersion) {
        throw new HoldfastError(
          "NOT_FOUND",
          `the server no longer speaks ${protocolVersion}, which a session was opened with`,
        );
      }
      await warm.verified(session, started);
      this.#deps.tell({ change: "adopted" }, id);
      return warm;
    } catch (error) {
      await warm.close();
      throw error;
    }
  }
}
