/**
 * Ids of questions whose calls wait in the store. They name the call's stream, so that the answer finds its call on
 * whichever node it arrives, and the stream's name proves that it belongs to the session.
 */
import { isStreamOf } from "../stream-id.ts";

const pattern = /^hq-(p[A-Za-z0-9]{34})-[0-9a-z]{1,4}-[0-9a-z]{1,4}$/;

export function questionId(streamId: string, round: number, index: number): string {
  return `hq-${streamId}-${round.toString(36)}-${index.toString(36)}`;
}

/** The stream of the call that asked. Undefined for everything that this session was never asked. */
export function streamOfQuestion(id: unknown, secretHash: string): string | undefined {
  const [, streamId] = typeof id === "string" ? (pattern.exec(id) ?? []) : [];
  return streamId !== undefined && isStreamOf(streamId, secretHash) ? streamId : undefined;
}
