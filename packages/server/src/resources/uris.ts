/** Addresses of what clients can read and subscribe to. */
export function sessionUri(sessionId: string): string {
  return `session://${sessionId}`;
}

export function workflowUri(workflowId: string): string {
  return `workflow://${workflowId}`;
}
