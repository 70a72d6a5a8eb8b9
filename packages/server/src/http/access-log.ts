import type { RequestListener } from "node:http";

import type { Log } from "../log/logger.ts";

/** Logs each answer at level debug: what was asked, how it ended, how long it took. No headers, no ids, no bodies. */
export function withAccessLog(listener: RequestListener, log: Log): RequestListener {
  if (!log.isLevelEnabled("debug")) return listener;
  return (request, response) => {
    const began = performance.now();
    response.once("close", () => {
      const path = (request.url ?? "").split("?", 1)[0];
      const ms = Math.round((performance.now() - began) * 10) / 10;
      log.debug(
        { method: request.method, path, status: response.statusCode, ms, cut: !response.writableFinished },
        "answered",
      );
    });
    listener(request, response);
  };
}
