/** Reading what a served app answered. */

/** Reads a stream until some text has come, then lets go of it. */
export async function textUntil({ body }: Response, wanted: string): Promise<string> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes(wanted)) {
    const part = await reader?.read();
    if (part === undefined || part.done) throw new Error(`ended without: ${text}`);
    text += part.value;
  }
  await reader?.cancel();
  return text;
}

/** An answer as comparable facts: the date aside, everything a client can see. */
export async function answerOf(response: Response): Promise<{ status: number; headers: string[]; body: string }> {
  const headers = [...response.headers].map(([name, value]) => `${name}: ${name === "date" ? "" : value}`);
  return { status: response.status, headers, body: await response.text() };
}
