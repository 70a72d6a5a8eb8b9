import type { HoldWarning } from "holdfast";

import type { Log } from "./logger.ts";

/** Writes a warning of the hold down: alarms of seals as errors, and that something is over as news. */
export function logWarning(log: Log, { code, message, details }: HoldWarning): void {
  log[levelOf(code)]({ code, ...details }, message);
}

function levelOf(code: HoldWarning["code"]): "info" | "warn" | "error" {
  if (code.startsWith("seal-")) return "error";
  return code === "memory-eased" ? "info" : "warn";
}
