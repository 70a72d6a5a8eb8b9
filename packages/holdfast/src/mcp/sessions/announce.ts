import type { JSONRPCNotification } from "@modelcontextprotocol/server";

import type { Principal } from "../../security/principal.ts";
import type { SessionDeps } from "./deps.ts";
import type { GetStreams } from "./get-streams.ts";
import { OutputLog } from "./output-log.ts";
import type { OpenSession } from "./session-gate.ts";
import { getStreamId } from "./stream-id.ts";
import type { WarmSessions } from "./warm-sessions.ts";

export type Listener = { readonly principal: Principal; readonly sessionId: string };

/** Tells every session that listens on this node something, by way of its log. Needs no server instance. */
export class Announcer {
  readonly #deps: SessionDeps;
  readonly #warm: WarmSessions;
  readonly #streams: GetStreams;

  constructor(deps: SessionDeps, warm: WarmSessions, streams: GetStreams) {
    this.#deps = deps;
    this.#warm = warm;
    this.#streams = streams;
  }

  /** What one session does not get keeps none of the others from it. */
  async announce(message: JSONRPCNotification, to: (listener: Listener) => boolean): Promise<void> {
    const payload = JSON.stringify(message);
    const listeners = this.#streams.listeners().filter(({ principal, id }) => to({ principal, sessionId: id }));
    await Promise.all(listeners.map((session) => this.#tell(session, payload).catch(this.#deps.onError)));
  }

  async #tell(session: OpenSession, payload: string): Promise<void> {
    const warm = this.#warm.peek(session.owner, session.id);
    const { phase, secretHash } = warm?.state?.document ?? session.document;
    // Before a client is ready it learns everything by listing anyway.
    if (phase === "initializing") return;
    const log = warm?.log ?? new OutputLog(this.#deps, session.owner, session.id);
    await log.append([{ streamId: getStreamId(secretHash), tag: "message", payload }]);
  }
}
