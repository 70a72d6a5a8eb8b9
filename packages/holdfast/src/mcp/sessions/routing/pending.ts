import type { JSONRPCNotification, JSONRPCRequest } from "@modelcontextprotocol/server";

import { isObject } from "../../is-object.ts";
import { errorResponse, type RpcResponse } from "../messages.ts";
import { type FleetIds, isFleetId } from "./ids.ts";

type Pending<Route> = {
  /** The id the instance gave it. */
  readonly own: JSONRPCRequest["id"];
  /** The progress token the instance put in, if it wants progress. */
  readonly ownToken: unknown;
  readonly route: Route;
};

/**
 * What one instance has asked its client and got no answer to: names it for the fleet on the way out, and restores the
 * instance's own names on the way in. `Route` is where a request went, so that its cancellation follows it.
 */
export class PendingRequests<Route> {
  readonly #ids: FleetIds;
  readonly #byFleetId = new Map<string, Pending<Route>>();

  constructor(ids: FleetIds) {
    this.#ids = ids;
  }

  get size(): number {
    return this.#byFleetId.size;
  }

  /** Whether an answer, progress or cancellation with this id is for this instance. */
  has(id: unknown): boolean {
    return typeof id === "string" && this.#byFleetId.has(id);
  }

  /** The request as the client shall see it. */
  ask(request: JSONRPCRequest, route: Route): JSONRPCRequest {
    const id = this.#ids.next();
    const ownToken = request.params?._meta?.progressToken;
    this.#byFleetId.set(id, { own: request.id, ownToken, route });
    if (ownToken === undefined) return { ...request, id };
    return { ...request, id, params: { ...request.params, _meta: { ...request.params?._meta, progressToken: id } } };
  }

  /** The cancellation of a request as the client shall see it, and where the request went. Undefined if it is over. */
  cancel(
    notification: JSONRPCNotification,
  ): { readonly message: JSONRPCNotification; readonly route: Route } | undefined {
    const { requestId } = notification.params ?? {};
    for (const [id, { own, route }] of this.#byFleetId) {
      if (own !== requestId) continue;
      this.#byFleetId.delete(id);
      return { message: { ...notification, params: { ...notification.params, requestId: id } }, route };
    }
    return undefined;
  }

  /** The answer as the instance expects it. Undefined if nobody waits for it. */
  answer(response: RpcResponse): RpcResponse | undefined {
    if (!isFleetId(response.id)) return undefined;
    const pending = this.#byFleetId.get(response.id);
    if (pending === undefined) return undefined;
    this.#byFleetId.delete(response.id);
    return { ...response, id: pending.own };
  }

  /** The progress report as the instance expects it. Undefined if it is about nothing of this instance. */
  progress(notification: JSONRPCNotification): JSONRPCNotification | undefined {
    const token = notification.params?.["progressToken"];
    const pending = isFleetId(token) ? this.#byFleetId.get(token) : undefined;
    if (pending === undefined || pending.ownToken === undefined) return undefined;
    return { ...notification, params: { ...notification.params, progressToken: pending.ownToken } };
  }

  /** Gives up on a request that could not be sent. */
  forget(id: JSONRPCRequest["id"]): void {
    if (typeof id === "string") this.#byFleetId.delete(id);
  }

  /** An error answer for everything still waiting, which then waits no more. */
  failAll(code: number, message: string): readonly RpcResponse[] {
    const failed = [...this.#byFleetId.values()].map(({ own }) => errorResponse(own, code, message));
    this.#byFleetId.clear();
    return failed;
  }
}

/** The progress token of a notification, if it is one about something the fleet asked. */
export function fleetToken(notification: JSONRPCNotification): string | undefined {
  const params: unknown = notification.params;
  const token = isObject(params) ? params["progressToken"] : undefined;
  return notification.method === "notifications/progress" && isFleetId(token) ? token : undefined;
}
