/**
 * How many checks of each scenario are known to pass. A count may rise with the suite's version; one that falls is a
 * regression, even where nothing is reported as failed.
 */
import type { Gate } from "./judge.ts";
import type { Revision } from "./suite.ts";

/** Scenarios that check the same in both revisions. */
const common: Readonly<Record<string, number>> = {
  "completion-complete": 2,
  "tools-call-simple-text": 2,
  "tools-call-image": 2,
  "tools-call-audio": 2,
  "tools-call-embedded-resource": 2,
  "tools-call-mixed-content": 2,
  "tools-call-error": 2,
  "tools-call-with-progress": 2,
  "resources-list": 2,
  "resources-read-text": 2,
  "resources-read-binary": 2,
  "resources-templates-read": 2,
  "prompts-list": 2,
  "prompts-get-simple": 2,
  "prompts-get-with-args": 2,
  "prompts-get-embedded-resource": 2,
  "prompts-get-with-image": 2,
  "dns-rebinding-protection": 2,
  "json-schema-2020-12": 8,
  // One more where answers are streams; ours to plain requests are JSON.
  "server-sse-multiple-streams": 1,
};

const tasks = "there is no runtime for the tasks extension yet";

export const gates: Readonly<Record<Revision, Gate>> = {
  "2025-11-25": {
    passed: {
      ...common,
      "server-initialize": 3,
      "server-session-lifecycle": 3,
      "server-sse-polling": 3,
      "logging-set-level": 2,
      ping: 2,
      "tools-list": 3,
      "tools-call-with-logging": 2,
      "tools-call-sampling": 2,
      "tools-call-elicitation": 2,
      "elicitation-sep1034-defaults": 6,
      "elicitation-sep1330-enums": 6,
      "resources-subscribe": 2,
      "resources-unsubscribe": 2,
    },
    exceptions: {},
  },
  "2026-07-28": {
    passed: {
      ...common,
      "server-stateless": 30,
      "tools-list": 4,
      "sep-2164-resource-not-found": 4,
      caching: 8,
      "http-header-validation": 14,
      "http-custom-header-server-validation": 10,
      "input-required-result-basic-elicitation": 3,
      "input-required-result-basic-sampling": 3,
      "input-required-result-basic-list-roots": 3,
      "input-required-result-request-state": 3,
      "input-required-result-multiple-input-requests": 3,
      "input-required-result-multi-round": 4,
      "input-required-result-missing-input-response": 2,
      "input-required-result-non-tool-request": 3,
      "input-required-result-result-type": 2,
      "input-required-result-unsupported-methods": 2,
      "input-required-result-tampered-state": 2,
      "input-required-result-capability-check": 2,
      "input-required-result-ignore-extra-params": 2,
      "input-required-result-validate-input": 3,
    },
    exceptions: {
      "tasks-lifecycle": tasks,
      "tasks-capability-negotiation": tasks,
      "tasks-wire-fields": tasks,
      "tasks-request-state-removal": tasks,
      "tasks-mrtr-input": tasks,
      "tasks-request-headers": tasks,
      "tasks-dispatch-and-envelope": tasks,
      "tasks-status-notifications": tasks,
      "tasks-required-task-error": tasks,
      "tasks-mrtr-composition": tasks,
    },
  },
};
