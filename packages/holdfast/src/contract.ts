/**
 * What an author of a store needs, and nothing else. Implement `Store`; the conformance suite in
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
export type { CommitIdOrigin } from "./record/commit-ids.ts";
export { commitIdWindowMs, maxCommitIdsPerOwner } from "./record/commit-ids.ts";
export { freshCursorKey, listingScope, openCursor, ownerScanScope, scanScope, sealCursor } from "./record/cursor.ts";
export type { AppendedEvents, Decision, Effect, RecordState } from "./record/decide.ts";
export { decide, slideIsDue } from "./record/decide.ts";
export type { ErrorCode, ErrorInit } from "./record/errors.ts";
export { HoldfastError, isHoldfastError } from "./record/errors.ts";
export { causeOf, closeAt, endOf, isClosed, isLive, livedMs, purgeAt } from "./record/expiry.ts";
export { matchesFields } from "./record/fields.ts";
export type { OwnerCounts, Quota, Usage } from "./record/quota.ts";
export { brokenQuota, usageOf } from "./record/quota.ts";
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
export { maxChangesPerCommit, maxHintBytes, maxLifetimeMs, maxNameLength, maxNamesPerRecord } from "./record/record.ts";
export { utf8Length } from "./record/text.ts";
export { Batcher, type BatcherOptions, type Settle } from "./store/batcher.ts";
export type {
  AccountDump,
  AccountOptions,
  AccountPage,
  CallOptions,
  CommitId,
  CommitOptions,
  CommitOutcome,
  Committed,
  EraseOptions,
  EventsOptions,
  EventsPage,
  HintListener,
  ListOptions,
  ListPage,
  OwnedSummary,
  OwnersOptions,
  OwnersPage,
  ReadAnswer,
  ReadOptions,
  ReapAnswer,
  ReapedRecord,
  ReapOptions,
  RecordDump,
  RememberedCommit,
  ScanOptions,
  ScanPage,
  Store,
  StoreAdmin,
  StoreStats,
  Tail,
} from "./store/contract.ts";
export { Gate } from "./store/gate.ts";
export type { StoreFigures, StoreHealth, StoreTraits } from "./store/traits.ts";
export {
  validateCall,
  validateCommit,
  validateErase,
  validateEvents,
  validateHint,
  validateList,
  validatePage,
  validateRead,
  validateReap,
} from "./store/validate.ts";
export { validateAccount } from "./store/validate-account.ts";
export { refuseSetback, validateDump } from "./store/validate-dump.ts";
