import type { MessageExtraInfo } from "@modelcontextprotocol/server";

import type { Inbound, Reply } from "../exchange.ts";
import { invalidRequest, methodNotAllowed } from "../http/answers.ts";
import { callerOf } from "../rates/rates.ts";
import { batchNotAllowed, unsupportedVersion } from "./answers.ts";
import { readBody } from "./body.ts";
import { extraOf } from "./caller.ts";
import type { SessionDeps } from "./deps.ts";
import type { MakeInstance } from "./endpoint.ts";
import type { Exchanges } from "./exchanges.ts";
import { Instance } from "./instance.ts";
import type { PostExchange } from "./post-exchange.ts";
import { hasBatches, isSupported, supportedVersions, unnamedVersion } from "./versions.ts";

/** Answers 2025-era clients without sessions: a server per request, nothing stored, nothing to come back to. */
export class Stateless {
  readonly #deps: SessionDeps;
  readonly #exchanges: Exchanges;
  readonly #instance: MakeInstance;
  readonly #open = new Set<Instance>();

  constructor(deps: SessionDeps, exchanges: Exchanges, instance: MakeInstance) {
    this.#deps = deps;
    this.#exchanges = exchanges;
    this.#instance = instance;
  }

  async answer(inbound: Inbound): Promise<Reply> {
    if (inbound.method !== "POST") return methodNotAllowed("POST");
    const read = readBody(inbound.body);
    if (read === undefined) return invalidRequest("not a JSON-RPC message, or an empty batch");
    const { messages, batch } = read;
    const requests = messages.flatMap((incoming) => (incoming.type === "request" ? [incoming.message] : []));
    const initializes = requests.some(({ method }) => method === "initialize");
    if (initializes && batch) return invalidRequest("initialize stands alone, not in a batch");
    const version = inbound.header("mcp-protocol-version") ?? unnamedVersion;
    if (!initializes && !isSupported(version)) return unsupportedVersion(supportedVersions);
    if (batch && !hasBatches(version)) return batchNotAllowed();
    // Without a session there is nothing that a notification or an answer could be about.
    if (requests.length === 0) return { status: 202, headers: {} };

    const instance = await this.#connect(inbound);
    const exchange: PostExchange = this.#exchanges.open({
      counted: callerOf(inbound.principal, inbound.address),
      log: undefined,
      requests: requests.map(({ id }) => id),
      batch,
      signal: inbound.signal,
      onDone: () => this.#close(instance),
    });
    const extra: MessageExtraInfo = extraOf(inbound);
    for (const request of requests) instance.dispatch(request, exchange, extra);
    return exchange.reply;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#open].map((instance) => instance.close()));
  }

  async #connect({ principal }: Inbound): Promise<Instance> {
    const server = this.#instance({ principal, session: undefined });
    const instance = await Instance.connect(server, this.#deps, { standalone: refuseRequests }, undefined);
    this.#open.add(instance);
    return instance;
  }

  #close(instance: Instance): void {
    this.#open.delete(instance);
    instance.close().catch(this.#deps.onError);
  }
}

/** A client without a session has no stream for what belongs to none of its requests, and could not answer. */
async function refuseRequests(message: object): Promise<void> {
  if ("id" in message) throw new Error("without sessions a server cannot ask its client anything");
}
