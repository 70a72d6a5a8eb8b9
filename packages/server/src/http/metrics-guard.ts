import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

import { isLoopback } from "../auth/loopback.ts";

/**
 * Whether a request may read the metrics: with their token, or where they have none, from this machine, by one of its loopback
 * names and not by way of a proxy. A page whose name was made to point here (DNS rebinding) comes from this machine too, and
 * cannot say another name than its own.
 */
export function mayReadMetrics(request: IncomingMessage, token: string | undefined): boolean {
  if (token === undefined) {
    return isLoopback(request.socket.remoteAddress ?? "") && namesLoopback(request) && !isForwarded(request);
  }
  const [scheme, given] = (request.headers.authorization ?? "").split(" ");
  return scheme?.toLowerCase() === "bearer" && given !== undefined && isSame(given, token);
}

function namesLoopback({ headers }: IncomingMessage): boolean {
  const name = /^(\[[0-9a-f:.]+\]|[^\s:]+)(?::\d{1,5})?$/i.exec(headers.host ?? "")?.[1];
  return name !== undefined && isLoopback(name);
}

function isForwarded({ headers }: IncomingMessage): boolean {
  return ["forwarded", "x-forwarded-for", "x-real-ip", "via"].some((name) => headers[name] !== undefined);
}

/** Takes as long whatever the difference is. */
function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
