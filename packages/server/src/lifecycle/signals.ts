import { constants } from "node:os";

import { watchNpmShell } from "./npm-shell.ts";

const stopSignals = ["SIGTERM", "SIGINT"] as const;
export type StopSignal = (typeof stopSignals)[number];

/**
 * A Ctrl-C reaches every program of the terminal, and npm passes on to its children what it hears itself: one key press
 * then comes as two signals.
 */
const echoMs = 50;

export interface StopSignals extends Disposable {
  /** Resolves with the first signal that asks this process to stop. */
  readonly first: Promise<StopSignal>;
}

/**
 * Listens for SIGTERM and SIGINT. The second one, of either kind, ends the process at once. The end of the shell that npm
 * started us by counts as a SIGTERM to it, which it kept to itself.
 */
export function listenForStop(): StopSignals {
  let stopping: { readonly signal: StopSignal; readonly at: number } | undefined;
  let announce: (signal: StopSignal) => void = () => undefined;
  const first = new Promise<StopSignal>((resolve) => {
    announce = resolve;
  });
  const heard = (signal: StopSignal): void => {
    const at = performance.now();
    if (stopping === undefined) {
      stopping = { signal, at };
      announce(signal);
      return;
    }
    const echo = signal === "SIGINT" && stopping.signal === "SIGINT" && at - stopping.at < echoMs;
    // By convention 128 and the signal's number.
    if (!echo) process.exit(128 + constants.signals[signal]);
  };
  for (const signal of stopSignals) process.on(signal, heard);
  // Not as a signal that was heard: one that reached the shell and us alike comes but once.
  const shell = watchNpmShell(() => announce("SIGTERM"));
  return {
    first,
    [Symbol.dispose]() {
      shell[Symbol.dispose]();
      for (const signal of stopSignals) process.off(signal, heard);
    },
  };
}
