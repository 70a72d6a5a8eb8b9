import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

import { isLoopback } from "../auth/loopback.ts";

/** Whether a request may read the metrics: with their token, or where they have none, from this machine and not by way of a proxy. */
export function mayReadMetrics(request: IncomingMessage, token: string | undefined): boolean {
  if (token === undefined) return isLoopback(request.socket.remoteAddress ?? "") && !isForwarded(request);
  const [scheme, given] = (request.headers.authorization ?? "").split(" ");
  return scheme?.toLowerCase() === "bearer" && given !== undefined && isSame(given, token);
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
