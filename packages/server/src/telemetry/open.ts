/** The SDK behind the library's telemetry: Prometheus reads a page; traces go to a collector where one is named. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { context, type MeterProvider as Meters, type TracerProvider } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

import { watchProcess } from "./process-metrics.ts";

export type TelemetrySettings = {
  readonly node: string;
  readonly version: string;
  /** Of an OTLP/HTTP collector. Absent: no traces. */
  readonly tracesUrl: string | undefined;
};

export interface ServerTelemetry extends AsyncDisposable {
  readonly options: { readonly meterProvider: Meters; readonly tracerProvider?: TracerProvider };
  /** Answers with the metrics in Prometheus's text format. */
  readonly page: (request: IncomingMessage, response: ServerResponse) => void;
}

type Closing = { shutdown(): Promise<void> };

export async function openTelemetry({ node, version, tracesUrl }: TelemetrySettings): Promise<ServerTelemetry> {
  const resource = resourceFromAttributes({
    "service.name": "holdfast",
    "service.version": version,
    "service.instance.id": node,
  });
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ resource, readers: [exporter] });
  const watching = watchProcess(meterProvider.getMeter("holdfast.server"));
  const traces = tracesUrl === undefined ? undefined : await openTraces(tracesUrl, resource);
  return {
    options: { meterProvider, ...(traces !== undefined && { tracerProvider: traces.provider }) },
    page: (request, response) => exporter.getMetricsRequestHandler(request, response),
    [Symbol.asyncDispose]: async () => {
      watching[Symbol.dispose]();
      // A collector that is away must not keep the process from ending well.
      await Promise.allSettled([traces?.provider.shutdown(), meterProvider.shutdown()]);
      if (traces !== undefined) context.disable();
    },
  };
}

/** Loaded only where it is wanted. */
async function openTraces(
  url: string,
  resource: ReturnType<typeof resourceFromAttributes>,
): Promise<{ readonly provider: TracerProvider & Closing }> {
  const [{ OTLPTraceExporter }, { BasicTracerProvider, BatchSpanProcessor }, { AsyncLocalStorageContextManager }] =
    await Promise.all([
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/sdk-trace-base"),
      import("@opentelemetry/context-async-hooks"),
    ]);
  // What is active has to be known, or no span finds its parent.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: 5_000 });
  return { provider: new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] }) };
}
