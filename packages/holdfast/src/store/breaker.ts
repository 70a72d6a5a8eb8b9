/**
 * The breaker before a server that cannot be reached: after some failures in a row nobody tries for a while, and those
 * who need the server are told at once. Then one try is let through, and what becomes of it decides.
 */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from "cockatiel";

export type BreakerOptions = {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long nobody tries then. */
  readonly openMs: number;
};

export interface Breaker {
  /** Whether trying now is pointless. */
  readonly isOpen: boolean;
  /** Tries, or rejects at once while it is open. */
  attempt<T>(work: () => Promise<T>): Promise<T>;
}

export function connectionBreaker({ failures, openMs }: BreakerOptions): Breaker {
  const policy = circuitBreaker(handleAll, { halfOpenAfter: openMs, breaker: new ConsecutiveBreaker(failures) });
  return {
    get isOpen() {
      return policy.state === CircuitState.Open;
    },
    attempt: (work) => policy.execute(work),
  };
}
