/**
 * Names of SSE streams and of places in them. A stream's id carries a proof made with the session's secret hash, so
 * that ids which were never given out, or belong to another session, are refused whatever the log still holds.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

import { mintSecret } from "../../record/ids.ts";
import type { Position } from "../../record/record.ts";

export type StreamType = "get" | "post";

const proofLength = 12;
const eventIdPattern = /^(g[A-Za-z0-9]{12}|p[A-Za-z0-9]{34})_([1-9][0-9]{0,15})$/;

/** The one GET stream of a session. It is the same however often it is reopened. */
export function getStreamId(secretHash: string): string {
  return prove("g", secretHash);
}

/** A fresh id for the stream of one POST. It begins with the name of the node that made it. */
export function mintPostStreamId(secretHash: string, node: string): string {
  return prove(`p${node}${plain(mintSecret(60))}`, secretHash);
}

export function formatEventId(streamId: string, position: Position): string {
  return `${streamId}_${position}`;
}

export type EventPlace = { readonly streamId: string; readonly type: StreamType; readonly position: Position };

/** Undefined unless the id is well-formed and its stream is one of this session. */
export function parseEventId(text: string, secretHash: string): EventPlace | undefined {
  const [, streamId, digits] = eventIdPattern.exec(text) ?? [];
  if (streamId === undefined || digits === undefined) return undefined;
  const position = Number(digits);
  if (!isStreamOf(streamId, secretHash) || !Number.isSafeInteger(position)) return undefined;
  return { streamId, type: typeOfStream(streamId), position };
}

/** Of an id that is known to be one. */
export function typeOfStream(streamId: string): StreamType {
  return streamId.startsWith("g") ? "get" : "post";
}

/** Whether a stream's id, well-formed, was given out by the session with this secret. */
export function isStreamOf(streamId: string, secretHash: string): boolean {
  const proven = prove(streamId.slice(0, -proofLength), secretHash);
  return proven.length === streamId.length && timingSafeEqual(Buffer.from(proven), Buffer.from(streamId));
}

function prove(name: string, secretHash: string): string {
  const proof = createHmac("sha256", secretHash).update(name).digest("base64url");
  return name + plain(proof).slice(0, proofLength);
}

/** An underscore separates stream and position, so neither may hold one. */
function plain(text: string): string {
  return text.replaceAll(/[_-]/g, "x");
}
