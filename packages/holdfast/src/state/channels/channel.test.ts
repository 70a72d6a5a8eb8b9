import { describe, expect, test, vi } from "vitest";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { localUser, type Principal } from "../../security/principal.ts";
import type { Hold } from "../hold.ts";
import { servingHold } from "../open-hold.ts";

const mallory: Principal = { issuer: "test", subject: "mallory", scopes: [] };

async function open(backing: Backing): Promise<Hold> {
  return await holdfast({ store: await backing.open(), reap: false });
}

async function newSession(hold: Hold, label?: string): Promise<string> {
  return (await hold.sessions(localUser).create({ label })).id;
}

describe.each(backings)("channels on %s", (_name, makeBacking) => {
  test("members of several nodes see the same messages in the same order, and who came and went", async () => {
    await using backing = await makeBacking();
    await using here = await open(backing);
    await using there = await open(backing);
    const [ann, bob] = [await newSession(here, "ann"), await newSession(there)];
    const [near, far] = [here.state(localUser).channel("ops"), there.state(localUser).channel("ops")];
    expect(await near.join(ann)).toEqual({ members: 1, changed: true });
    expect(await far.join(bob)).toEqual({ members: 2, changed: true });
    expect(await far.join(bob)).toEqual({ members: 2, changed: false });
    expect(await near.broadcast(ann, { n: 1 })).toEqual({ position: 1, recipients: 1, replayed: false });
    expect(await far.broadcast(bob, "two")).toEqual({ position: 2, recipients: 1, replayed: false });
    const at = expect.any(Date);
    const messages = [
      { position: 1, from: { session: ann, label: "ann" }, message: { n: 1 }, at },
      { position: 2, from: { session: bob }, message: "two", at },
    ];
    for (const channel of [near, far]) {
      expect(await channel.read()).toEqual({ messages, more: false, incarnation: 1 });
      const after = { after: 1, incarnation: 1 };
      expect(await channel.read(after)).toEqual({ messages: messages.slice(1), more: false, incarnation: 1 });
      expect(await channel.read({ limit: 1 })).toMatchObject({ messages: messages.slice(0, 1), more: true });
    }
    expect(await near.leave(ann)).toEqual({ members: 1, changed: true });
    expect(await near.leave(ann)).toEqual({ members: 1, changed: false });
    expect((await far.presence()).events).toEqual([
      { position: 1, type: "joined", session: ann, label: "ann", at },
      { position: 2, type: "joined", session: bob, at },
      { position: 3, type: "left", session: ann, label: "ann", at },
    ]);
    expect(await near.members()).toEqual([{ session: bob, joinedAt: at }]);
    // One record and three streams of nothing: a broadcast is one commit, however many listen.
    const commits = vi.spyOn(servingHold(there).store, "commit");
    await far.broadcast(bob, "alone");
    expect(commits).toHaveBeenCalledTimes(1);
  });

  test("a cursor of an earlier channel of its name is an error, not a gap", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const channel = hold.state(localUser).channel("ops");
    const talk = async (): Promise<void> => {
      const session = await newSession(hold);
      await channel.join(session);
      for (const n of [1, 2, 3]) await channel.broadcast(session, n);
    };
    await talk();
    const { messages, incarnation } = await channel.read();
    backing.clock.advance(31 * 86_400_000);
    await talk();
    const old = { after: messages.at(-2)?.position ?? 0, incarnation };
    const gone = { code: "REPLAY_WINDOW_EXCEEDED" };
    await expect(channel.read(old)).rejects.toMatchObject(gone);
    await expect(channel.presence({ ...old, after: 1 })).rejects.toMatchObject(gone);
    expect((await channel.read()).incarnation).not.toBe(incarnation);
  });

  test("broadcasts of many at once all get a place of their own, and repeats with a key none", async () => {
    await using backing = await makeBacking();
    await using here = await open(backing);
    await using there = await open(backing);
    const members = await Promise.all([newSession(here), newSession(there)]);
    const channels = [here.state(localUser).channel("ops"), there.state(localUser).channel("ops")] as const;
    await Promise.all([channels[0].join(members[0] ?? ""), channels[1].join(members[1] ?? "")]);
    const sent = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (channels[n % 2] ?? channels[0]).broadcast(members[n % 2] ?? "", n)),
    );
    expect(sent.map(({ position }) => position).sort((a, b) => a - b)).toEqual(sent.map((_, n) => n + 1));
    const once = { idempotency: { key: "k" } };
    const first = await channels[0].broadcast(members[0] ?? "", "once", once);
    const again = await channels[1].broadcast(members[0] ?? "", "once", once);
    expect(again).toEqual({ ...first, replayed: true });
    await expect(channels[0].broadcast(members[0] ?? "", "other", once)).rejects.toMatchObject({
      code: "COMMIT_ID_REUSED",
    });
    expect((await channels[1].read({ after: 20 })).messages).toHaveLength(1);
  });

  test("only members send, only live sessions join, and nobody meets another caller's channel", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const session = await newSession(hold);
    const channel = hold.state(localUser).channel("ops");
    await expect(channel.broadcast(session, 1)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(channel.broadcast("__proto__", 1)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    for (const gone of ["ses_unknown", "", "__proto__"]) {
      await expect(channel.join(gone)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    await channel.join(session);
    await channel.broadcast(session, "secret");
    const theirs = hold.state(mallory).channel("ops");
    await expect(theirs.join(session)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(theirs.broadcast(session, 1)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect([await theirs.read(), await theirs.members()]).toEqual([{ messages: [], more: false }, []]);
    for (const name of ["", "n".repeat(129)]) {
      expect(() => hold.state(localUser).channel(name)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
    expect((await channel.read()).messages.map(({ message }) => message)).toEqual(["secret"]);
  });

  test("who vanishes is dropped when its stay is over or its session has ended, and signs of life keep others", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const [quiet, reader, sender, ended] = await Promise.all(
      ["quiet", "reader", "sender", "ended"].map((label) => newSession(hold, label)),
    );
    const channel = hold.state(localUser).channel("ops");
    for (const session of [quiet, reader, sender, ended]) await channel.join(session ?? "", { stay: "10m" });
    await hold
      .sessions(localUser)
      .open(ended ?? "")
      .end();
    expect((await channel.members()).map(({ label }) => label)).toEqual(["quiet", "reader", "sender"]);
    for (let n = 0; n < 3; n++) {
      backing.clock.advance(4 * 60_000);
      await channel.read({ as: reader ?? "" });
      await channel.broadcast(sender ?? "", n);
    }
    expect((await channel.members()).map(({ label }) => label)).toEqual(["reader", "sender"]);
    expect((await channel.broadcast(sender ?? "", "last")).recipients).toBe(1);
    await expect(channel.broadcast(quiet ?? "", "late")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const { events } = await channel.presence({ after: 4 });
    expect(events.map(({ type, label }) => `${label} ${type}`).sort()).toEqual(["ended dropped", "quiet dropped"]);
  });

  test("reading as a member looks at nobody's session, as long as no sign of life is due", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const channel = hold.state(localUser).channel("ops");
    const [reader, ...others] = [await newSession(hold), await newSession(hold), await newSession(hold)];
    for (const session of [reader, ...others]) await channel.join(session ?? "", { stay: "1h" });
    const reads = vi.spyOn(servingHold(hold).store, "read");
    const looked = (): number => reads.mock.calls.filter(([, { kind }]) => kind === "session").length;
    for (let n = 0; n < 3; n += 1) await channel.read({ as: reader ?? "" });
    expect(looked()).toBe(0);
    backing.clock.advance(45 * 60_000);
    await channel.read({ as: reader ?? "" });
    expect(looked()).toBe(3);
    backing.clock.advance(45 * 60_000);
    expect((await channel.members()).map(({ session }) => session)).toEqual([reader]);
  });

  test("who watches is woken by what others do", async () => {
    await using backing = await makeBacking();
    await using here = await open(backing);
    await using there = await open(backing);
    const session = await newSession(here);
    let woken = 0;
    const stop = there
      .state(localUser)
      .channel("ops")
      .watch(() => (woken += 1));
    await here.state(localUser).channel("ops").join(session);
    await vi.waitFor(() => expect(woken).toBeGreaterThan(0), { timeout: 10_000 });
    stop();
  });
});
