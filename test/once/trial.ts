/** What operations are tried on: one caller's records, at one of several nodes. */
import { eventSourced, type Hold, kind, localUser, type Principal } from "holdfast";
import { z } from "zod";

const items = z.object({ items: z.array(z.string()).default([]) });
const Basket = kind("basket", { schema: items, idle: "24h" });
const Secret = kind("secret", { schema: items, sealed: true });
const Note = kind("note", { schema: z.object({ text: z.string().default("") }), scope: "named" });
const Profile = kind("profile", { schema: z.object({ name: z.string().default("") }), scope: "principal" });
const Flow = eventSourced("flow", {
  initial: (): { done: string[]; lastAt: number } => ({ done: [], lastAt: 0 }),
  events: { step: z.object({ name: z.string() }) },
  evolve: (value, { payload, at }) => {
    value.done.push(payload.name);
    value.lastAt = at.getTime();
  },
  snapshotEvery: 2,
});

export const kinds = [Basket, Secret, Note, Profile, Flow] as const;
export type OnceHold = Hold<typeof kinds>;
const bob: Principal = { issuer: "test", subject: "bob", scopes: [] };
export const carol: Principal = { issuer: "test", subject: "carol", scopes: [] };

/** What an operation is tried on: the records of one caller, whom no other trial has. */
export class Trial {
  readonly me: Principal;
  readonly hold: OnceHold;
  readonly friend: Principal;

  constructor(hold: OnceHold, subject: string) {
    this.hold = hold;
    this.me = { ...localUser, subject };
    this.friend = { ...bob, subject: `friend of ${subject}` };
  }

  /** The same caller at another node. */
  at(hold: OnceHold): Trial {
    return new Trial(hold, this.me.subject);
  }

  get state() {
    return this.hold.state(this.me);
  }

  get theirs() {
    return this.hold.state(this.friend);
  }

  get sessions() {
    return this.hold.sessions(this.me);
  }
}
