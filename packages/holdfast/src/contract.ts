/**
 * `holdfast/contract`: what an author of a store needs, and nothing else. Implement `Store`; the conformance suite in
 * `holdfast/testing` says whether it keeps the rules.
 */
export type {
  Append,
  Change,
  ChangeResult,
  CounterChange,
  Creation,
  NewDocument,
  Refusal,
  Trim,
} from "./record/change.ts";
export type { AppendedEvents, Decision, Effect, RecordState } from "./record/decide.ts";
export { decide, slideIsDue } from "./record/decide.ts";
export type { ErrorCode, ErrorInit } from "./record/errors.ts";
export { HoldfastError } from "./record/errors.ts";
export { isLive, purgeAt } from "./record/expiry.ts";
export type {
  IndexedFields,
  Lifetime,
  Owner,
  Position,
  RecordKey,
  RecordSummary,
  StoredEvent,
  StoredRecord,
  StreamHead,
  Version,
} from "./record/record.ts";
export { maxChangesPerCommit, maxNameLength } from "./record/record.ts";
export { Batcher, type BatcherOptions, type Settle } from "./store/batcher.ts";
export type {
  CommitId,
  CommitOptions,
  CommitOutcome,
  Committed,
  EventsOptions,
  EventsPage,
  HintListener,
  ListOptions,
  ListPage,
  OwnedSummary,
  Quota,
  ReadAnswer,
  ReadOptions,
  ReapAnswer,
  RecordDump,
  ScanOptions,
  ScanPage,
  Store,
  StoreAdmin,
  StoreHealth,
  StoreStats,
  StoreTraits,
  Tail,
  Usage,
} from "./store/contract.ts";
