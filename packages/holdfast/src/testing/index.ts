/** For tests: the conformance suite, which says whether a store keeps the rules, and `race()`, which calls a tool of yours many times at once. */
export { describeConformance, type TestRunner } from "./conformance/describe.ts";
export type {
  Capability,
  Context,
  OpenStore,
  Requirement,
  StoreUnderTest,
} from "./conformance/requirement.ts";
export { requirements } from "./conformance/requirements.ts";
export { type Rule, rules } from "./conformance/rules.ts";
export {
  type ConformanceOptions,
  type Exception,
  formatReport,
  type Outcome,
  type Report,
  runConformance,
} from "./conformance/run.ts";
export { type Race, race } from "./race.ts";
