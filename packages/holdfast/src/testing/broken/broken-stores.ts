import { brokenAnswers } from "./answers.ts";
import type { BrokenStore } from "./broken-store.ts";
import { brokenCommits } from "./commits.ts";
import { brokenDecisions } from "./decisions.ts";
import { brokenInputs } from "./inputs.ts";
import { brokenReads } from "./reads.ts";
import { brokenViews } from "./views.ts";

/** Every planted fault. The suite has to catch each, by the requirements it names. */
export const brokenStores: readonly BrokenStore[] = [
  ...brokenCommits,
  ...brokenInputs,
  ...brokenDecisions,
  ...brokenReads,
  ...brokenAnswers,
  ...brokenViews,
];
