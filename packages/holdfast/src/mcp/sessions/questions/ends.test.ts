/** How calls end that wait for their client and do not get what they asked for. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { backings } from "../../../../../../test/lib/backings.ts";
import { call, eventually, type Node, parseEvents, stream, toolCall } from "../bridge.test-kit.ts";
import { type FailurePoint, failurePoints } from "../failure-points.ts";
import { type Asking, accept, done, messagesOf, questionsOf, startAsking, text } from "./questions.test-kit.ts";

describe.each(backings)("a call that waits for its client, on %s", (_name, open) => {
  let at: Asking;
  let a: Node;
  let b: Node;

  beforeEach(async () => {
    at = await startAsking(open);
    [a, b] = at.pair;
  });

  afterEach(() => at[Symbol.asyncDispose]());

  test("says what the SDK would: too many rounds, no such capability, a client that fails", async () => {
    const headers = await at.session();
    const c = await at.start({ maxRounds: 2 });
    const endless = await stream(c, "POST", toolCall(1, "never"), headers);
    for (let round = 1; round <= 2; round += 1) {
      const asked = await questionsOf(endless, round);
      await call(c, "POST", accept(asked.at(-1)?.id ?? "", { sure: true }), { headers });
    }
    await endless.ended;
    expect(messagesOf(endless).at(-1)).toMatchObject({
      result: {
        ...text("Multi-round-trip request 'tools/call' still required input after 2 rounds (inputRequired.maxRounds)"),
        isError: true,
      },
    });

    const incapable = await call(a, "POST", toolCall(2, "model"), { headers });
    const [answer] = parseEvents(incapable.text).flatMap(({ data }) => (data === "" ? [] : [JSON.parse(data)]));
    expect(answer).toMatchObject({
      id: 2,
      result: {
        ...text(
          "Cannot request input 'it' (sampling/createMessage): the client on this 2025-era connection did not declare the required capability",
        ),
        isError: true,
      },
    });

    const failing = await stream(a, "POST", toolCall(3, "both"), headers);
    const [first] = await questionsOf(failing, 3);
    const error = { code: -32603, message: "the user's screen broke" };
    await call(b, "POST", { jsonrpc: "2.0", id: first?.id, error }, { headers });
    await failing.ended;
    const messages = messagesOf(failing);
    expect(messages.at(-1)).toMatchObject({
      result: {
        ...text("Fulfilling input required by 'tools/call' failed: the user's screen broke"),
        isError: true,
      },
    });
    // The other questions are taken back.
    expect(messages.filter(({ method }) => method === "notifications/cancelled")).toHaveLength(2);

    const nonsense = await stream(a, "POST", toolCall(4, "confirm", { what: "x" }), headers);
    const [asked] = await questionsOf(nonsense);
    await call(b, "POST", { jsonrpc: "2.0", id: asked?.id, result: { action: "perhaps" } }, { headers });
    await nonsense.ended;
    expect(messagesOf(nonsense).at(-1)?.result?.content?.[0]?.text).toMatch(
      /^Fulfilling input required by 'tools\/call' failed: Invalid result for elicitation\/create/,
    );
    expect(done).toEqual([]);
    expect(await at.openCalls()).toBe(0);
  });

  test("hears of a client that declines or cancels the question", async () => {
    const headers = await at.session();
    for (const action of ["decline", "cancel"]) {
      const calling = await stream(a, "POST", toolCall(action, "confirm", { what: action }), headers);
      const [question] = await questionsOf(calling);
      await call(b, "POST", { jsonrpc: "2.0", id: question?.id, result: { action } }, { headers });
      await calling.ended;
      expect(messagesOf(calling).at(-1)).toMatchObject({ result: text(`${action}: {"action":"${action}"}`) });
    }
  });

  test("is over when the client cancels the call, on whichever node, and takes no answer afterwards", async () => {
    const headers = await at.session();
    const calling = await stream(a, "POST", toolCall(9, "confirm", { what: "wipe" }), headers);
    const [question] = await questionsOf(calling);
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 9 } };
    expect((await call(b, "POST", cancel, { headers })).status).toBe(202);
    await calling.ended;
    expect(messagesOf(calling).at(-1)).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: question?.id },
    });
    await call(b, "POST", accept(question?.id ?? "", { sure: true }), { headers });
    expect(done).toEqual([]);
    expect(await at.openCalls()).toBe(0);
  });

  test("is over with its session, and its client is told so", async () => {
    const headers = await at.session();
    const calling = await stream(a, "POST", toolCall(9, "confirm", { what: "wipe" }), headers);
    const [question] = await questionsOf(calling);
    await eventually(async () => (await at.openCalls()) === 1);
    expect((await call(b, "DELETE", undefined, { headers })).status).toBe(200);
    await calling.ended;
    expect(messagesOf(calling).at(-1)).toMatchObject({ id: 9, error: { message: "The session has ended" } });
    const late = () => call(a, "POST", accept(question?.id ?? "", { sure: true }), { headers });
    await eventually(async () => (await late()).status === 404);
    await eventually(async () => (await at.openCalls()) === 0);
    expect(done).toEqual([]);
  });

  test("gives up on a client that takes too long, wherever its stream is read, and more time to one that is at it", async () => {
    const c = await at.start({ roundTimeoutMs: 60_000 });
    const headers = await at.session();
    const calling = await stream(c, "POST", toolCall(1, "confirm", { what: "wipe" }), headers);
    const [question] = await questionsOf(calling);
    at.clock.advance(40_000);
    const progress = { progressToken: question?.id, progress: 1 };
    await call(b, "POST", { jsonrpc: "2.0", method: "notifications/progress", params: progress }, { headers });
    at.clock.advance(40_000);
    expect(await at.openCalls()).toBe(1);
    at.clock.advance(21_000);
    await calling.ended;
    expect(messagesOf(calling).at(-1)).toMatchObject({
      result: { ...text("Fulfilling input required by 'tools/call' failed: Request timed out"), isError: true },
    });
    await call(b, "POST", accept(question?.id ?? "", { sure: true }), { headers });
    expect(done).toEqual([]);
  });

  test("cannot be entered by a client that makes answers up", async () => {
    const headers = await at.session();
    const forged = toolCall(1, "confirm", { what: "wipe" }) as { params: object };
    const params = { ...forged.params, inputResponses: { ok: { action: "accept", content: { sure: true } } } };
    const calling = await stream(a, "POST", { ...forged, params: { ...params, requestState: "2 x" } }, headers);
    const [question] = await questionsOf(calling);
    expect(done).toEqual([]);
    // Nor by another session of the same principal, nor by guessing.
    const other = await at.session();
    expect((await call(b, "POST", accept(question?.id ?? "", { sure: true }), { headers: other })).status).toBe(202);
    const [, streamId] = (question?.id ?? "").split("-");
    for (const id of [
      `hq-${streamId}-1-1`,
      `hq-${streamId}-2-0`,
      `hq-p${"A".repeat(34)}-1-0`,
      "hq",
      `hq-${streamId}`,
    ]) {
      expect((await call(b, "POST", accept(id, { sure: true }), { headers })).status).toBe(202);
    }
    expect(done).toEqual([]);
    await call(b, "POST", accept(question?.id ?? "", { sure: true }), { headers });
    await calling.ended;
    expect(done).toEqual(["wipe"]);
  });

  test("whose node dies once it has all answers ends in an error that says so, and nothing runs twice", async () => {
    let taken = (): void => undefined;
    const reached = new Promise<void>((resolve) => {
      taken = resolve;
    });
    const held = (point: FailurePoint) => {
      if (point !== "after-answers") return undefined;
      taken();
      return new Promise<void>(() => undefined);
    };
    const c = await at.start({ [failurePoints]: held });
    const headers = await at.session();
    const calling = await stream(a, "POST", toolCall(1, "confirm", { what: "wipe" }), headers);
    const [question] = await questionsOf(calling);
    void call(c, "POST", accept(question?.id ?? "", { sure: true }), { headers }).catch(() => undefined);
    await reached;
    at.clock.advance(11_000);
    // That node never says that it lives.
    await calling.ended;
    expect(messagesOf(calling).at(-1)).toMatchObject({ id: 1, error: { code: -32603 } });
    expect(messagesOf(calling).at(-1)?.error?.message).toContain("may be repeated");
    expect(done).toEqual([]);
    await at.kill(c);
  });

  test("a session's waiting calls are bounded", async () => {
    const c = await at.start({ maxWaitingCalls: 2 });
    const headers = await at.session();
    const waiting = [1, 2].map((id) => stream(c, "POST", toolCall(id, "confirm", { what: "x" }), headers));
    for (const one of await Promise.all(waiting)) await questionsOf(one);
    const refused = await call(c, "POST", toolCall(3, "confirm", { what: "x" }), { headers });
    expect(refused.text).toContain("2 calls of this session wait for answers already");
    expect(refused.text).toContain('"isError":true');
    for (const one of await Promise.all(waiting)) one.drop();
  });
});
