import type { Implementation, JSONRPCRequest } from "@modelcontextprotocol/server";
import { utf8Length } from "../../record/text.ts";
import { anonymousPrincipal, isAnonymous } from "../../security/anonymous.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import type { Inbound, Reply } from "../exchange.ts";
import { invalidRequest } from "../http/answers.ts";
import { isObject } from "../is-object.ts";
import { callerOf } from "../rates/rates.ts";
import { extraOf } from "./caller.ts";
import { createConnectionSession, type Negotiated } from "./create-session.ts";
import type { SessionDeps } from "./deps.ts";
import type { MakeInstance } from "./endpoint.ts";
import type { Exchanges } from "./exchanges.ts";
import { errorResponse, type RpcResponse } from "./messages.ts";
import type { PostExchange } from "./post-exchange.ts";
import { WarmSession } from "./warm-session.ts";
import type { WarmSessions } from "./warm-sessions.ts";
import { formatWireId, mintWireId, type WireId } from "./wire-id.ts";

/** What a client says of itself is kept with its session and read with every request: it has to stay small. */
const maxNegotiatedBytes = 65_536;

/** Answers `initialize`: the one request that makes a session, and only if the server accepted it (trap F9). */
export class Initializer {
  readonly #deps: SessionDeps;
  readonly #warm: WarmSessions;
  readonly #exchanges: Exchanges;
  readonly #instance: MakeInstance;

  constructor(deps: SessionDeps, warm: WarmSessions, exchanges: Exchanges, instance: MakeInstance) {
    this.#deps = deps;
    this.#warm = warm;
    this.#exchanges = exchanges;
    this.#instance = instance;
  }

  async answer(inbound: Inbound, request: JSONRPCRequest): Promise<Reply> {
    this.#warm.refuseIfClosed();
    const refused = this.#deps.admission.refuseNew();
    if (refused !== undefined) return refused;
    if (!isWellFormed(request.params)) return jsonReply(errorResponse(request.id, -32602, wellFormed));
    const id = mintWireId();
    const principal = isAnonymous(inbound.principal) ? anonymousPrincipal(id.handle) : inbound.principal;
    const warm = await this.#connect(principal, id.handle);
    let created = false;
    try {
      const extra = extraOf(inbound);
      const response = await warm.instance.ask(request, this.#deps.options.deadlineMs, extra);
      const negotiated = negotiatedIn(request, response);
      if (negotiated === undefined) return jsonReply(response);
      if (utf8Length(JSON.stringify(negotiated)) > maxNegotiatedBytes) {
        return invalidRequest(`client info and capabilities take at most ${maxNegotiatedBytes} bytes`);
      }
      await this.#create(principal, id, negotiated, warm);
      created = true;
      return await this.#reply(inbound, warm, id, response);
    } finally {
      if (!created) await warm.close();
    }
  }

  #connect(principal: Principal, sessionId: string): Promise<WarmSession> {
    const server = this.#instance({ principal, session: this.#deps.hold.sessions(principal).open(sessionId) });
    return WarmSession.connect(this.#deps, { owner: ownerOfPrincipal(principal), id: sessionId, principal }, server);
  }

  async #create(principal: Principal, id: WireId, negotiated: Negotiated, warm: WarmSession): Promise<void> {
    const { document, version } = await createConnectionSession(this.#deps.hold, principal, { ...negotiated, id });
    await warm.verified({ document, version, inboxHead: 0 }, performance.now());
    this.#warm.adopt(warm);
  }

  /** The response goes out as the endpoint's form asks; the session is kept warm for what comes next. */
  async #reply(inbound: Inbound, warm: WarmSession, id: WireId, response: RpcResponse): Promise<Reply> {
    const exchange: PostExchange = this.#exchanges.open({
      session: warm.state && { id: warm.id, document: warm.state.document },
      counted: callerOf(inbound.principal, inbound.address),
      log: warm.log,
      requests: [response.id ?? ""],
      batch: false,
      signal: inbound.signal,
      headers: { "mcp-session-id": formatWireId(id) },
      onDone: () => this.#warm.done(warm),
    });
    // The session stands: whatever fails from here on must not keep its id from the client.
    await exchange.respond(response).catch(this.#deps.onError);
    await warm.release().catch(this.#deps.onError);
    return exchange.reply;
  }
}

const wellFormed =
  "Invalid params: initialize takes protocolVersion, capabilities, and clientInfo with a name and a version";

/** Asked before anything is made; the SDK would answer with an internal error and the words of its schema. */
function isWellFormed(params: JSONRPCRequest["params"]): boolean {
  const { protocolVersion, capabilities, clientInfo } = params ?? {};
  if (typeof protocolVersion !== "string" || !isObject(capabilities) || !isObject(clientInfo)) return false;
  return typeof clientInfo["name"] === "string" && typeof clientInfo["version"] === "string";
}

/** Undefined if the server refused. */
export function negotiatedIn(request: JSONRPCRequest, response: RpcResponse): Negotiated | undefined {
  if (!("result" in response) || !isObject(response.result)) return undefined;
  const { protocolVersion } = response.result;
  const { clientInfo, capabilities } = request.params ?? {};
  if (typeof protocolVersion !== "string" || !isObject(clientInfo) || !isObject(capabilities)) return undefined;
  // The SDK has parsed the request, or there would be no result.
  return {
    protocolVersion,
    clientInfo: clientInfo as Implementation,
    capabilities,
  };
}

function jsonReply(response: RpcResponse): Reply {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(response) };
}
