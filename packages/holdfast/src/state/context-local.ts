/**
 * Values that follow the work which they were set for, through every `await`. Node before 24 hands each
 * `AsyncLocalStorage` that was ever used on to every promise and timer of the process, so each one makes all of them slower,
 * for ever. All of ours therefore share one, however many holds and apps a process opens.
 */
import { AsyncLocalStorage } from "node:async_hooks";

type Entry = { readonly of: ContextLocal<unknown>; readonly value: unknown; readonly outer: Entry | undefined };

const entries = new AsyncLocalStorage<Entry>();

export class ContextLocal<Value> {
  /** Calls `fn`, in which `get()` answers with the value, as it does in everything that is begun in there. */
  run<Result>(value: Value, fn: () => Result): Result {
    return entries.run({ of: this, value, outer: without(this, entries.getStore()) }, fn);
  }

  /** The value of the innermost `run` of this very object; undefined outside of any. */
  get(): Value | undefined {
    for (let entry = entries.getStore(); entry !== undefined; entry = entry.outer) {
      if (isOf(entry, this)) return entry.value;
    }
    return undefined;
  }
}

/** So that work which begins more of its own kind has no longer a list to carry each time. */
function without(local: ContextLocal<unknown>, entry: Entry | undefined): Entry | undefined {
  if (entry === undefined) return undefined;
  if (entry.of === local) return entry.outer;
  const outer = without(local, entry.outer);
  return outer === entry.outer ? entry : { ...entry, outer };
}

function isOf<Value>(entry: Entry, local: ContextLocal<Value>): entry is Entry & { readonly value: Value } {
  return entry.of === local;
}
