/** One request over a socket of its own, as bytes, and what is wrong with what comes back. */
import { connect as dial } from "node:net";

/** How long a request may hang that its sender has finished, on a machine that others load. */
const patienceMs = 30_000;
/** How long somebody waits for an answer that may never come. */
const giveUpMs = 500;
/** What HTTP and the guarantees declare. 503 is none of them here: the store is well and nobody drains. */
const declared = new Set([100, 200, 202, 204, 400, 401, 403, 404, 405, 406, 408, 413, 415, 417, 429, 431]);

/** Everything that comes back until the server closes; of a stream only its head. */
export function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = dial(port, "127.0.0.1");
    const done = (): void => {
      clearTimeout(timer);
      clearTimeout(giveUp);
      socket.destroy();
      resolve(Buffer.concat(parts).toString("utf8"));
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end of an answer after ${patienceMs} ms`));
    }, patienceMs);
    // Node's server takes the end of what is sent for the end of whoever sends it, and then answers nothing: so who has an
    // answer to come waits for it, and only who sent half a request gives up.
    const giveUp = setTimeout(() => socket.end(), giveUpMs);
    socket.on("data", (part) => {
      giveUp.refresh();
      parts.push(part);
      if (part.includes("text/event-stream")) done();
    });
    socket.on("close", done);
    // Closed on us while we were sending: what came before that is the answer.
    socket.on("error", done);
    socket.write(bytes);
  });
}

/** @param marker what only somebody else's data holds. */
export function complaint(answers: string, marker: string): string | undefined {
  let rest = answers;
  while (rest !== "") {
    const answer = firstOf(rest);
    const wrong = complaintOf(answer, marker);
    if (wrong !== undefined) return wrong;
    ({ rest } = answer);
  }
  return undefined;
}

type Answer = { readonly status: number; readonly head: string; readonly body: string; readonly rest: string };

/** What follows a request that is over is another one to the server, and has an answer of its own. */
function firstOf(answers: string): Answer {
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answers)?.[1]);
  const split = answers.indexOf("\r\n\r\n");
  if (split < 0) return { status, head: answers, body: "", rest: "" };
  const [head, after] = [answers.slice(0, split), Buffer.from(answers.slice(split + 4))];
  const length = status === 100 ? 0 : Number(/^content-length: (\d+)\r?$/im.exec(head)?.[1] ?? after.length);
  // To HEAD the length is told and no body is sent.
  const end = after.subarray(0, 9).equals(Buffer.from("HTTP/1.1 ")) ? 0 : length;
  return { status, head, body: after.subarray(0, end).toString(), rest: after.subarray(end).toString() };
}

function complaintOf({ status, head, body }: Answer, marker: string): string | undefined {
  if (!declared.has(status)) return `status ${status}`;
  if (`${head}${body}`.includes(marker)) return "somebody else's data";
  const headers = `${head.toLowerCase()}\r`;
  if (/^set-cookie|^x:/m.test(headers)) return "a header that was injected";
  // Other paths answer in JSON of their own.
  if (!headers.includes("content-type: application/json\r") || body === "" || headers.includes("chunked")) {
    return undefined;
  }
  return isJsonRpc(body) ? undefined : "no JSON-RPC";
}

function isJsonRpc(body: string): boolean {
  let messages: unknown;
  try {
    messages = JSON.parse(body);
  } catch {
    return false;
  }
  return [messages].flat().every((message: unknown) => {
    if (typeof message !== "object" || message === null || !("jsonrpc" in message)) return false;
    if ("result" in message) return true;
    const error = "error" in message ? message.error : undefined;
    return (
      typeof error === "object" &&
      error !== null &&
      "code" in error &&
      Number.isInteger(error.code) &&
      "message" in error &&
      typeof error.message === "string"
    );
  });
}
