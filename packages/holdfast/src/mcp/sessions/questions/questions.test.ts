/** Calls whose handlers need input: parked in the store, and gone on with on whatever node the answers arrive. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { backings } from "../../../../../../test/lib/backings.ts";
import { call, type Node, parseEvents, stream, toolCall } from "../bridge.test-kit.ts";
import { type Asking, accept, done, messagesOf, questionsOf, startAsking, text } from "./questions.test-kit.ts";

describe.each(backings)("a handler that needs input, on %s", (_name, open) => {
  let at: Asking;
  let a: Node;
  let b: Node;

  beforeEach(async () => {
    at = await startAsking(open);
    [a, b] = at.pair;
  });

  afterEach(() => at[Symbol.asyncDispose]());

  test("asks on the call's stream, and is entered again with the answer, on the node that gets it", async () => {
    const headers = await at.session();
    const calling = await stream(a, "POST", toolCall(7, "confirm", { what: "wipe" }), headers);
    const [question] = await questionsOf(calling);
    expect(question).toMatchObject({ method: "elicitation/create", params: { message: "wipe?", mode: "form" } });
    expect(a.endpoint.stats.callsInFlight).toBe(0);
    expect((await call(b, "POST", accept(question?.id ?? "", { sure: true }), { headers })).status).toBe(202);
    await calling.ended;
    expect(messagesOf(calling).at(-1)).toMatchObject({ id: 7, result: text('wipe: {"sure":true}') });
    expect(done).toEqual(["wipe"]);
    expect([a.instances.made, b.instances.made]).toEqual([1, 1]);
    expect(await at.openCalls()).toBe(0);
  });

  test("survives the node that asked: the answer lands elsewhere, and the client finds the result there", async () => {
    const headers = await at.session();
    const calling = await stream(a, "POST", toolCall(1, "confirm", { what: "wipe" }), headers);
    const [question] = await questionsOf(calling);
    await at.kill(a);
    await calling.ended;
    const last = calling.events.at(-1)?.id ?? "";
    const resumed = await stream(b, "GET", undefined, { ...headers, "last-event-id": last });
    await call(b, "POST", accept(question?.id ?? "", { sure: false }), { headers });
    await resumed.ended;
    expect(messagesOf(resumed)).toMatchObject([{ id: 1, result: text('wipe: {"sure":false}') }]);
    expect(done).toEqual(["wipe"]);
    // Whoever comes later finds the very same.
    const again = await call(b, "GET", undefined, { headers: { ...headers, "last-event-id": last } });
    expect(parseEvents(again.text)).toEqual(resumed.events);
  });

  test("waits for all answers of a round, in whatever order and wherever they arrive", async () => {
    const headers = await at.session();
    const calling = await stream(a, "POST", toolCall(1, "both"), headers);
    const questions = await questionsOf(calling, 3);
    expect(new Set(questions.map(({ id }) => id)).size).toBe(3);
    const [first, second, roots] = questions;
    await call(b, "POST", accept(second?.id ?? "", { sure: false }), { headers });
    await call(a, "POST", { jsonrpc: "2.0", id: roots?.id, result: { roots: [{ uri: "file:///x" }] } }, { headers });
    // A second answer to the same question is none.
    await call(a, "POST", accept(second?.id ?? "", { sure: true }), { headers });
    expect(done).toEqual([]);
    await call(a, "POST", accept(first?.id ?? "", { sure: true }), { headers });
    await calling.ended;
    const said = JSON.parse(messagesOf(calling).at(-1)?.result?.content?.[0]?.text ?? "");
    expect(said).toMatchObject({
      first: { action: "accept", content: { sure: true } },
      second: { action: "accept", content: { sure: false } },
      ["__proto__x"]: { roots: [{ uri: "file:///x" }] },
    });
    expect(done).toEqual(["both"]);
  });

  test("completes once, however many nodes get the answers at once", async () => {
    const headers = await at.session();
    for (let round = 0; round < 5; round += 1) {
      done.length = 0;
      const calling = await stream(a, "POST", toolCall(round, "both"), headers);
      const [first, second, roots] = await questionsOf(calling, 3);
      const bodies = [
        accept(first?.id ?? "", { sure: true }),
        accept(second?.id ?? "", { sure: true }),
        { jsonrpc: "2.0", id: roots?.id, result: { roots: [] } },
      ];
      const answers = await Promise.all(
        bodies.flatMap((body) => [a, b].map((node) => call(node, "POST", body, { headers }))),
      );
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202, 202]);
      await calling.ended;
      expect(messagesOf(calling).filter(({ result }) => result !== undefined)).toHaveLength(1);
      expect(done).toEqual(["both"]);
    }
  });

  test("may ask several times, carrying its state, each time answered at another node", async () => {
    const headers = await at.session();
    const calling = await stream(a, "POST", toolCall(1, "wizard"), headers);
    const [who] = await questionsOf(calling);
    await call(b, "POST", accept(who?.id ?? "", { name: "Ada" }), { headers });
    const [, next] = await questionsOf(calling, 2);
    expect(next?.params?.message).toBe("and after Ada?");
    await call(a, "POST", accept(next?.id ?? "", { name: "Grace" }), { headers });
    await calling.ended;
    expect(messagesOf(calling).at(-1)).toMatchObject({ id: 1, result: text("3 2 Ada Grace") });
  });

  test("may be a prompt or a resource", async () => {
    const headers = await at.session();
    const prompt = await stream(
      a,
      "POST",
      { jsonrpc: "2.0", id: 1, method: "prompts/get", params: { name: "greeting" } },
      headers,
    );
    const [whom] = await questionsOf(prompt);
    await call(b, "POST", accept(whom?.id ?? "", { name: "Ada" }), { headers });
    await prompt.ended;
    expect(messagesOf(prompt).at(-1)).toMatchObject({
      id: 1,
      result: { messages: [{ content: { text: "hello Ada" } }] },
    });

    const read = { jsonrpc: "2.0", id: 2, method: "resources/read", params: { uri: "test://secret" } };
    const resource = await stream(a, "POST", read, headers);
    const [sure] = await questionsOf(resource);
    await call(b, "POST", accept(sure?.id ?? "", { sure: true }), { headers });
    await resource.ended;
    expect(messagesOf(resource).at(-1)).toMatchObject({ id: 2, result: { contents: [{ text: "the secret" }] } });
  });

  test("may speak before and after; what it says is on the stream once, in order, whoever reads it", async () => {
    const headers = await at.session();
    const calling = await stream(a, "POST", toolCall(1, "speaking"), headers);
    const [question] = await questionsOf(calling);
    const resumed = await stream(b, "GET", undefined, { ...headers, "last-event-id": calling.events[0]?.id ?? "" });
    // The older connection has lost the stream.
    await calling.ended;
    await call(a, "POST", accept(question?.id ?? "", { sure: true }), { headers });
    await resumed.ended;
    expect(messagesOf(resumed).map(({ method, result }) => method ?? result?.content?.[0]?.text)).toEqual([
      "notifications/message",
      "elicitation/create",
      "notifications/message",
      "spoken",
    ]);
    expect(messagesOf(calling)).toHaveLength(2);
  });

  test("one of a batch, and one pinned to JSON, asks as the SDK asks, while its node lives", async () => {
    const headers = await at.session({ elicitation: {} }, "2025-03-26");
    const batch = [toolCall(1, "confirm", { what: "x" }), toolCall(2, "echo", { text: "y" })];
    const calling = await stream(a, "POST", batch, headers);
    const [question] = await questionsOf(calling);
    expect(question?.id).toMatch(/^hf-/);
    await call(b, "POST", accept(question?.id ?? "", { sure: true }), { headers });
    await calling.ended;
    expect(messagesOf(calling).filter(({ result }) => result !== undefined)).toHaveLength(2);

    const c = await at.start({ response: "json" });
    const listening = await stream(c, "GET", undefined, headers);
    const plain = call(c, "POST", toolCall(3, "confirm", { what: "z" }), { headers });
    const [asked] = await questionsOf(listening);
    await call(b, "POST", accept(asked?.id ?? "", { sure: true }), { headers });
    expect((await plain).json()).toMatchObject({ id: 3, result: text('z: {"sure":true}') });
    listening.drop();
  });
});
