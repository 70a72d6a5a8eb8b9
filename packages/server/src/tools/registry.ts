import { broadcast, joinChannel, leaveChannel, readChannel } from "./channels.ts";
import { clearSession } from "./clear-session.ts";
import type { Tool } from "./define.ts";
import { acquireLock, releaseLock, renewLock } from "./locks.ts";
import { getServerConfig, serverStats } from "./operations.ts";
import { retrieveSensitiveData, storeSensitiveData } from "./sensitive-data.ts";
import { getContext, incrementCounter, recordAction, setPreference } from "./session-context.ts";
import { deleteSessionData, getSessionData, listSessionKeys, setSessionData } from "./session-data.ts";
import { createSession, endSession, listSessions } from "./session-lifecycle.ts";
import { advancePhase, completeStep, recordError, resolveError, startWorkflow } from "./workflow-change.ts";
import { getWorkflowHistory, getWorkflowState } from "./workflow-look.ts";

/** Every tool of the server, in the order clients list them. */
export const tools: readonly Tool[] = [
  createSession,
  recordAction,
  getContext,
  setPreference,
  incrementCounter,
  setSessionData,
  getSessionData,
  deleteSessionData,
  listSessionKeys,
  storeSensitiveData,
  retrieveSensitiveData,
  listSessions,
  clearSession,
  endSession,
  startWorkflow,
  completeStep,
  advancePhase,
  recordError,
  resolveError,
  getWorkflowState,
  getWorkflowHistory,
  acquireLock,
  renewLock,
  releaseLock,
  joinChannel,
  leaveChannel,
  broadcast,
  readChannel,
  serverStats,
  getServerConfig,
];
