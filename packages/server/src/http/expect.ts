/**
 * `Expect: 100-continue`: whoever asks before sending a body is invited once somebody begins to read it, which is after
 * all checks of the head. Node by itself invites everybody, strangers with gigabytes included.
 */
import type { RequestListener, Server } from "node:http";

export function inviteLate(server: Server, listener: RequestListener): void {
  server.on("checkContinue", (request, response) => {
    // Whoever is refused may send the body all the same, or not: what comes next on the connection could be either.
    response.setHeader("connection", "close");
    request.once("resume", () => {
      // Node reads what is left of a body after the answer, too.
      if (response.headersSent) return;
      response.removeHeader("connection");
      response.writeContinue();
    });
    listener(request, response);
  });
}
