/**
 * What operators do with whole stores, behind the privileged door. Nothing that serves callers may reach it, and no tool
 * ever does.
 */

export { openStore } from "../open.ts";
export { localUser } from "../security/principal.ts";
export type { Difference } from "./compare.ts";
export type { CopyCounts } from "./copy.ts";
export { putCopy } from "./copy-of-record.ts";
export { digestOfRecord, StoreDigest } from "./digest.ts";
export { endSession } from "./end-session.ts";
export { findRecord } from "./find.ts";
export { accountAsJson, dumpAsJson, eventAsJson, summaryAsJson } from "./json.ts";
export type { MoveOptions, MoveProgress, MoveReport, MoveRisk } from "./move.ts";
export { moveStore } from "./move.ts";
export { openedStore } from "./opened.ts";
export { ownerOfIdentity } from "./owner.ts";
export type { ForgetOptions, ForgetProgress, Forgotten, OwnerPart } from "./principal.ts";
export { exportOwner, forgetOwner } from "./principal.ts";
export { type ResealOptions, type ResealReport, resealStore } from "./reseal.ts";
export { storeOfOwner } from "./store-of-owner.ts";
export { accountPages, everyOwner, everyRecord } from "./walk.ts";
