import { brokenAccounts } from "./accounts.test-kit.ts";
import { brokenAnswers } from "./answers.test-kit.ts";
import { brokenBounds } from "./bounds.test-kit.ts";
import type { BrokenStore } from "./broken-store.test-kit.ts";
import { brokenCommits } from "./commits.test-kit.ts";
import { brokenDecisions } from "./decisions.test-kit.ts";
import { brokenFinds } from "./finds.test-kit.ts";
import { brokenInputs } from "./inputs.test-kit.ts";
import { brokenReads } from "./reads.test-kit.ts";
import { brokenViews } from "./views.test-kit.ts";

/** Every planted fault. The suite has to catch each, by the requirements it names. */
export const brokenStores: readonly BrokenStore[] = [
  ...brokenCommits,
  ...brokenInputs,
  ...brokenDecisions,
  ...brokenReads,
  ...brokenFinds,
  ...brokenAnswers,
  ...brokenBounds,
  ...brokenAccounts,
  ...brokenViews,
];
