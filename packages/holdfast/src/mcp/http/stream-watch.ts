/**
 * Ends the streams of those who may read them no longer. A request is let in once, and its stream may last for hours:
 * while it does, whoever authenticates is asked again, with the same request.
 */
import type { AuthAnswer } from "../../security/authenticate.ts";
import type { Principal } from "../../security/principal.ts";
import type { Reply, StreamBody } from "../exchange.ts";
import { endable } from "./endable.ts";

export type StreamWatch = {
  readonly principal: Principal;
  readonly ask: () => AuthAnswer | Promise<AuthAnswer>;
  readonly everyMs: number;
  readonly onError: (error: unknown) => void;
};

/** The same answer, whose stream ends as described. Answers that do not stream stay as they are. */
export function watchStream(answer: Reply | Response, watch: StreamWatch): Reply | Response {
  if (answer instanceof Response) return endable(answer, (end) => untilRefused(watch, () => end()));
  const { body } = answer;
  if (body === undefined || typeof body === "string") return answer;
  return { ...answer, body: watchBody(body, watch) };
}

function watchBody(body: StreamBody, watch: StreamWatch): StreamBody {
  return {
    start: (sink) => {
      const stopWatching = untilRefused(watch, () => sink.end());
      const stop = body.start(sink);
      return () => {
        stopWatching();
        stop();
      };
    },
  };
}

/**
 * Calls something once the principal is refused, or is another or may do other things than before. Somebody who cannot be
 * asked for twice in a row counts as refused: whether a token still stands is then not known. Returns how to stop.
 */
function untilRefused(watch: StreamWatch, refused: () => void): () => void {
  let failures = 0;
  let asking = false;
  const look = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    const stands = await stillStands(watch).catch((error: unknown) => {
      watch.onError(error);
      failures += 1;
      return failures < 2;
    });
    asking = false;
    if (stands) return;
    stop();
    refused();
  };
  const timer = setInterval(() => void look(), watch.everyMs).unref();
  let stopped = false;
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    clearInterval(timer);
  };
  const stillStands = async ({ ask, principal }: StreamWatch): Promise<boolean> => {
    const answer = await ask();
    failures = 0;
    return stopped || (answer.ok && isSame(answer.principal, principal));
  };
  return stop;
}

function isSame(a: Principal, b: Principal): boolean {
  return (
    a.issuer === b.issuer &&
    a.subject === b.subject &&
    a.clientId === b.clientId &&
    a.scopes.length === b.scopes.length &&
    a.scopes.every((scope) => b.scopes.includes(scope))
  );
}
