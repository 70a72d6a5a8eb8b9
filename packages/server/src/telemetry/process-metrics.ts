/** What the process itself is doing: memory, and how late the event loop is. Read when somebody collects. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import type { Attributes, Meter } from "@opentelemetry/api";

type Reading = readonly [value: number, attributes?: Attributes];

export type ProcessMetric = {
  readonly name: string;
  readonly unit: string;
  readonly attributes: readonly string[];
  readonly help: string;
};

/** Every metric of the process as data: the documentation's table is held against it. All are gauges. */
export const processMetrics: readonly ProcessMetric[] = [
  { name: "process.uptime", unit: "s", attributes: [], help: "How long the process has been running" },
  { name: "process.memory.usage", unit: "By", attributes: [], help: "Memory of the process (resident set)" },
  {
    name: "v8js.memory.heap.used",
    unit: "By",
    attributes: ["v8js.heap.space.name"],
    help: "Heap in use, by V8's heap spaces",
  },
  {
    name: "holdfast.heap.limit",
    unit: "By",
    attributes: [],
    help: "How large the heap may grow before the process dies",
  },
  {
    name: "nodejs.eventloop.utilization",
    unit: "1",
    attributes: [],
    help: "Share of the time since the last collection that the event loop was busy",
  },
  {
    name: "nodejs.eventloop.delay.p50",
    unit: "s",
    attributes: [],
    help: "Delay of the event loop since the last collection, median",
  },
  { name: "nodejs.eventloop.delay.p99", unit: "s", attributes: [], help: "The same, 99th percentile" },
  { name: "nodejs.eventloop.delay.max", unit: "s", attributes: [], help: "The same, the longest" },
];

/** Measures the process until it is disposed. */
export function watchProcess(meter: Meter): Disposable {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  let busy = performance.eventLoopUtilization();
  const read: Readonly<Record<string, () => readonly Reading[]>> = {
    "process.uptime": () => [[process.uptime()]],
    "process.memory.usage": () => [[process.memoryUsage.rss()]],
    "v8js.memory.heap.used": () =>
      getHeapSpaceStatistics().map(
        ({ space_name: space, space_used_size: used }): Reading => [used, { "v8js.heap.space.name": space }],
      ),
    "holdfast.heap.limit": () => [[getHeapStatistics().heap_size_limit]],
    "nodejs.eventloop.utilization": () => {
      const now = performance.eventLoopUtilization();
      const since = performance.eventLoopUtilization(now, busy);
      busy = now;
      return [[since.utilization]];
    },
    "nodejs.eventloop.delay.p50": () => [[seconds(delay.percentile(50))]],
    "nodejs.eventloop.delay.p99": () => [[seconds(delay.percentile(99))]],
    "nodejs.eventloop.delay.max": () => {
      const longest = seconds(delay.max);
      // The last of the three to be read: what comes belongs to the next collection.
      delay.reset();
      return [[longest]];
    },
  };
  for (const { name, unit, help: description } of processMetrics) {
    meter.createObservableGauge(name, { unit, description }).addCallback((result) => {
      for (const [value, attributes] of read[name]?.() ?? []) result.observe(value, attributes);
    });
  }
  return { [Symbol.dispose]: () => delay.disable() };
}

/** A histogram without entries has no sensible numbers. */
function seconds(nanoseconds: number): number {
  return Number.isFinite(nanoseconds) && nanoseconds < 1e15 ? nanoseconds / 1e9 : 0;
}
