import { expect, onTestFailed, test } from "vitest";

import { call, type OpenStream, open, openHold, parseEvents, startNode, stream, toolCall } from "./bridge.test-kit.ts";

/** A small generator, so that a failure can be repeated from its seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

test("however often streams break and wherever they are resumed, every event arrives once and in order", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  onTestFailed(() => void process.stderr.write(`seed ${seed}\n`));
  const next = random(seed);
  const hold = await openHold();
  const nodes = [await startNode({ hold }), await startNode({ hold })] as const;
  const pick = () => nodes[Math.floor(next() * nodes.length)] ?? nodes[0];

  const follow = async (headers: Readonly<Record<string, string>>, id: number): Promise<void> => {
    const steps = 5 + Math.floor(next() * 20);
    const where = pick();
    let current: OpenStream = await stream(where, "POST", toolCall(id, "steps", { n: steps, waitMs: 4 }), headers);
    const seen: { readonly id?: string; readonly data: string }[] = [];
    for (let round = 0; round < 200; round += 1) {
      const take = 1 + Math.floor(next() * 6);
      await current.until(take).catch(() => undefined);
      current.drop();
      await current.ended;
      seen.push(...current.events);
      if (seen.at(-1)?.data.includes(`"id":${id}`) === true) break;
      const last = seen.at(-1)?.id ?? "";
      current = await stream(pick(), "GET", undefined, { ...headers, "last-event-id": last });
      expect(current.status).toBe(200);
    }
    const said = seen.slice(1).map(({ data }) => JSON.parse(data).params?.data ?? "done");
    expect(said, `seed ${seed}`).toEqual([...Array.from({ length: steps }, (_, i) => `step ${i + 1}`), "done"]);
    // And whoever reads it again from the start sees the very same.
    const again = await call(pick(), "GET", undefined, { headers: { ...headers, "last-event-id": seen[0]?.id ?? "" } });
    expect(parseEvents(again.text).map((event) => event.id)).toEqual(seen.slice(1).map((event) => event.id));
  };

  const sessions = await Promise.all([open(nodes[0]), open(nodes[1]), open(nodes[0])]);
  await Promise.all(
    sessions.flatMap((headers, s) => Array.from({ length: 6 }, (_, i) => follow(headers, s * 100 + i))),
  );
  for (const node of nodes) {
    await node.close();
    expect(node.errors).toEqual([]);
    expect(node.endpoint.stats).toMatchObject({ warm: 0, streams: 0, callsInFlight: 0 });
  }
  await hold.closeAll();
});

test("a large answer does not push out what was said before it: who lost the stream early gets all of it", async () => {
  const hold = await openHold();
  const node = await startNode({
    hold,
    build: (server) => {
      server.registerTool("report", {}, async (ctx) => {
        for (let step = 1; step <= 40; step += 1) {
          const params = { level: "info", data: `step ${step}` } as const;
          await ctx.mcpReq.notify({ method: "notifications/message", params });
        }
        return { content: [{ type: "text", text: "x".repeat(2 * 1024 * 1024) }] };
      });
    },
  });
  const headers = await open(node);
  const lost = await stream(node, "POST", toolCall(1, "report"), headers);
  const [opening] = await lost.until(1);
  lost.drop();
  await lost.ended;
  const other = await startNode({ hold });
  const rest = await call(other, "GET", undefined, { headers: { ...headers, "last-event-id": opening?.id ?? "" } });
  expect(rest.status).toBe(200);
  const said = parseEvents(rest.text).map(({ data }) => JSON.parse(data).params?.data ?? data.length);
  expect(said).toEqual([...Array.from({ length: 40 }, (_, i) => `step ${i + 1}`), expect.any(Number)]);
  expect(said.at(-1)).toBeGreaterThan(2 * 1024 * 1024);
  await other.close();
  await node.close();
  await hold.closeAll();
});
