/** What is said between a fleet and its processes. */
import type { Request } from "../history.ts";

export type Work = {
  readonly file: string;
  /** As text: a reading of the monotonic clock that all count from. */
  readonly origin: string;
  readonly seed: number;
  /** Unique among all processes and restarts of a history. */
  readonly name: string;
  readonly writers: number;
  /** Per writer. */
  readonly operations: number;
  readonly owners: readonly string[];
  /** Commits of killed processes of which nobody knows what became: they are repeated under their ids first. */
  readonly unresolved: readonly Unresolved[];
};

export type Unresolved = { readonly name: string; readonly request: Extract<Request, { readonly what: "commit" }> };

export type Order =
  | { readonly order: "open"; readonly url: string }
  | { readonly order: "work"; readonly work: Work }
  | { readonly order: "stop" };

export type Report =
  | { readonly report: "open" }
  | { readonly report: "done" }
  | { readonly report: "failed"; readonly message: string };
