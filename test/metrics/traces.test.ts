/** Traces of the built server, as a collector gets them. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";

import { removeFolder, startServer } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";

type Span = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
};
type Export = {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
};

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

it("a call's trace goes from its caller to the store, over the collector that --traces names", async () => {
  const spans: Span[] = [];
  const collector = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      // What the exporter sends is OTLP's JSON.
      const { resourceSpans } = JSON.parse(Buffer.concat(parts).toString()) as Export;
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise((resolve) => void collector.close(() => resolve())));
  const { port } = collector.address() as AddressInfo;
  const server = await startServer({ args: ["--traces", `http://127.0.0.1:${port}/v1/traces`] });
  onTestFinished(() => removeFolder(server.dir));
  {
    await using connection = await connect(server.url, "2026");
    const params = { name: "create_session", arguments: {} };
    await connection.client.request({
      method: "tools/call",
      params: { ...params, _meta: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } },
    });
  }
  // What waits is sent before the process ends.
  await server.stop();
  const ours = spans.filter((span) => span.traceId === traceId);
  const tool = ours.find(({ name }) => name === "tools/call create_session");
  const operation = ours.find(({ name }) => name === "create session");
  const statement = ours.find(({ name }) => name === "commit");
  expect(tool?.parentSpanId).toBe("00f067aa0ba902b7");
  expect(operation?.parentSpanId).toBe(tool?.spanId);
  expect(statement?.parentSpanId).toBe(operation?.spanId);
});
