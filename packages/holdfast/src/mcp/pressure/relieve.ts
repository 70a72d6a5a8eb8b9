/** Memory pressure of an app: what it can give up, and whom it tells. */
import type { HoldWarning, MemoryWarning } from "../../state/hold.ts";
import type { ServingHold } from "../../state/serving-hold.ts";
import type { SessionEndpoint } from "../sessions/endpoint.ts";
import { type MemoryGauge, shareOf, watchMemory } from "./memory-gauge.ts";
import { MemoryPressure, type PressureReport } from "./pressure.ts";

/** Options may carry a gauge under this symbol: tests say how full memory is. */
export const memoryGauge: unique symbol = Symbol.for("holdfast.memoryGauge");

export type RelieveInit = {
  readonly maxBytes: number;
  readonly serving: Pick<ServingHold, "store" | "telemetry" | "warn">;
  readonly sessions: () => Pick<SessionEndpoint, "shedIdle" | "stats">;
  readonly onError: (error: unknown) => void;
  readonly gauge?: MemoryGauge | undefined;
};

export function relievePressure({ maxBytes, serving, sessions, onError, gauge }: RelieveInit): MemoryPressure {
  const { store, telemetry } = serving;
  return new MemoryPressure({
    gauge: gauge ?? watchMemory(maxBytes),
    shedCaches: () => store.shed?.(),
    idleInstances: () => sessions().stats.warm - sessions().stats.inUse,
    shedInstances: (count) => sessions().shedIdle(count),
    onShed: (step, count) => telemetry.metrics?.record("holdfast.memory.relieved", count, { step }),
    report: (report) => serving.warn(warningOf(report)),
    onError,
  });
}

type Change = PressureReport["change"];

const codes: Readonly<Record<Change, MemoryWarning>> = {
  high: "memory-high",
  shedding: "memory-shedding",
  refusing: "memory-refusing",
  eased: "memory-eased",
};

const sentences: Readonly<Record<Change, string>> = {
  high: "from 80 % caches and instances of idle sessions are given up; give the process more memory, or add nodes",
  shedding:
    "caches and instances of idle sessions are being given up; sessions come back from the store when asked for",
  refusing: "nothing is left to give up, so new sessions are refused; give the process more memory, or add nodes",
  eased: "there is room again",
};

function warningOf({ change, usedBytes, limitBytes }: PressureReport): HoldWarning {
  const share = shareOf({ usedBytes, limitBytes });
  return {
    code: codes[change],
    message: `${Math.floor(share * 100)} % of this process's memory is in use: ${sentences[change]}`,
    details: { usedBytes: Math.round(usedBytes), limitBytes },
  };
}
