import type { CallOptions } from "../types.ts";

/**
 * Makes a value. The signal fires when the value is no longer wanted: its session is over, this process drains, or the
 * making has taken too long. What is returned all the same is closed.
 */
export type MakeDisposable<Value> = (signal: AbortSignal) => Value | Promise<Value>;

/** How a value is closed, and the signal to give up waiting for its making. */
export type DisposableOptions<Value> = CallOptions & {
  /** Closes the value. Default: its `Symbol.asyncDispose`, or its `Symbol.dispose`. */
  readonly dispose?: (value: Value) => unknown;
};

/** Bounds of what cannot be stored: `holdfast({ disposables })`. */
export type DisposableLimits = {
  /** Values that one session may have in this process. Default 16. */
  readonly maxPerSession: number;
  /** Values of all sessions in this process. Default 1,000. */
  readonly maxPerNode: number;
  /** How long making a value may take. Default 60,000. */
  readonly makeMs: number;
  /** How long closing a value is waited for; what takes longer goes on without anybody waiting. Default 10,000. */
  readonly closeMs: number;
};

/** Values that live no longer than their session, in the process that made them. Part of `Session`. */
export interface HoldsDisposables {
  /**
   * The value of this name, made by `make` where this process has none: once, however many ask at the same time. It is
   * closed once: when the session has ended or expired, wherever that was seen, when it is disposed of, and when this process
   * drains. Having it keeps neither the session nor the process alive. Another process makes its own.
   *
   * Throws what `make` throws, and nothing is left then; `QUOTA_EXCEEDED` where the session has too many, `UNAVAILABLE`
   * where this process has, or where making one takes too long.
   *
   * @example
   * const browser = await session.disposable("browser", () => chromium.launch());
   */
  disposable<Value extends AsyncDisposable | Disposable>(
    name: string,
    make: MakeDisposable<Value>,
    options?: DisposableOptions<Value>,
  ): Promise<Value>;
  disposable<Value>(
    name: string,
    make: MakeDisposable<Value>,
    options: DisposableOptions<Value> & { readonly dispose: (value: Value) => unknown },
  ): Promise<Value>;
  /** Closes this process's value of this name now. False if there is none. Needs no live session. */
  dispose(name: string): Promise<boolean>;
}
