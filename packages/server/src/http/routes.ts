import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import type { OAuth } from "holdfast/oauth";

import { answerJson } from "./answers.ts";
import type { ReadinessCheck } from "./health.ts";
import { mayReadMetrics } from "./metrics-guard.ts";

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** Where its clients open their stream, and where they send to. */
const ssePath = "/sse";
export const messagesPath = "/messages";

export type Routes = {
  readonly mcpPath: string;
  readonly mcp: Serve;
  /** The deprecated HTTP+SSE transport, if it is wanted. */
  readonly httpSse: Serve | undefined;
  /** Says where tokens are to be had, if they are those of an issuer. */
  readonly metadata: OAuth["metadata"] | undefined;
  readonly readiness: ReadinessCheck;
  readonly metrics: { readonly page: Serve; readonly token: string | undefined };
  readonly draining: () => boolean;
};

/** Sends each request where it belongs. The MCP endpoint comes first: it is what traffic is made of. */
export function routes(options: Routes): RequestListener {
  const { mcpPath, mcp, httpSse, readiness } = options;
  return (request, response) => {
    // A connection kept alive would carry the next request to a node that is about to go.
    if (options.draining()) response.setHeader("connection", "close");
    const path = pathOf(request.url ?? "/");
    if (path === mcpPath) mcp(request, response);
    else if (path === "/healthz") probe(request, response, () => answerJson(response, 200, { status: "alive" }));
    else if (path === "/readyz") probe(request, response, () => void answerReadiness(response, readiness));
    else if (path === "/metrics") probe(request, response, () => answerMetrics(request, response, options.metrics));
    else if (httpSse !== undefined && path === ssePath) only("GET", request, response, httpSse);
    else if (httpSse !== undefined && path === messagesPath) only("POST", request, response, httpSse);
    else if (options.metadata !== undefined && path.startsWith("/.well-known/")) {
      probe(request, response, () => answerMetadata(request, response, options));
    } else notFound(response, mcpPath);
  };
}

function pathOf(url: string): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

/** Clients that know both transports try the newer one here first, and take its refusal for a hint. */
function only(method: string, request: IncomingMessage, response: ServerResponse, serve: Serve): void {
  if (request.method === method) serve(request, response);
  else answerJson(response, 405, { error: "method_not_allowed", message: `use ${method}` }, { allow: method });
}

function probe(request: IncomingMessage, response: ServerResponse, answer: () => void): void {
  if (request.method === "GET" || request.method === "HEAD") answer();
  else answerJson(response, 405, { error: "method_not_allowed", message: "use GET" }, { allow: "GET, HEAD" });
}

/** For pages too, of whatever origin: it is the same for everybody, and how they find out where to sign in. */
function answerMetadata(request: IncomingMessage, response: ServerResponse, { metadata, mcpPath }: Routes): void {
  const header = (name: string): string | undefined => (name === "host" ? request.headers.host : undefined);
  const found = metadata?.({ header, url: request.url ?? "/" });
  if (found === undefined) notFound(response, mcpPath);
  else answerJson(response, 200, found, { "access-control-allow-origin": "*" });
}

async function answerReadiness(response: ServerResponse, readiness: ReadinessCheck): Promise<void> {
  const answer = await readiness.ask();
  if (answer.ready) answerJson(response, 200, { status: "ready", durability: answer.durability });
  else
    answerJson(
      response,
      503,
      { status: "not_ready", reason: answer.reason, message: answer.message },
      { "retry-after": "1" },
    );
}

function answerMetrics(request: IncomingMessage, response: ServerResponse, { page, token }: Routes["metrics"]): void {
  if (mayReadMetrics(request, token)) return page(request, response);
  if (token === undefined) {
    const message =
      "without --metrics-token only this machine may read the metrics, by a loopback name and not by way of a proxy";
    answerJson(response, 403, { error: "forbidden", message });
    return;
  }
  const message = "the metrics have a bearer token of their own";
  answerJson(response, 401, { error: "unauthorized", message }, { "www-authenticate": "Bearer" });
}

function notFound(response: ServerResponse, mcpPath: string): void {
  const message = `there is nothing here; MCP is served at ${mcpPath}`;
  answerJson(response, 404, { error: "not_found", message });
}
