import { describe, expect, it } from "vitest";

import { ownerOf } from "../../record/ids.ts";
import { type Crowded, InFlight, type InFlightLimits, type Passage } from "./in-flight.ts";

const [alice, bob, carol] = ["alice", "bob", "carol"].map((subject) => ownerOf({ issuer: "test", subject }));
type Name = NonNullable<typeof alice>;

const limits: InFlightLimits = {
  maxBodyBytes: 10,
  maxRequestsInFlight: 4,
  maxRequestsInFlightPerPrincipal: 3,
  maxBodyBytesInFlight: 100,
};

function passage(given: Passage | Crowded): Passage {
  if (typeof given === "string") throw new Error(`refused: ${given}`);
  return given;
}

describe("what is in flight", () => {
  const refused: Crowded[] = [];
  const open = (changed: Partial<InFlightLimits> = {}): { begin: (owner: Name | undefined) => Passage | Crowded } => {
    const inFlight = new InFlight({ ...limits, ...changed }, (crowded) => refused.push(crowded));
    return { begin: (owner) => inFlight.begin(owner as Name) };
  };

  it("is so many requests of a principal, and so many of all, and what ends makes room once", () => {
    const { begin } = open();
    const own = [begin(alice), begin(alice), begin(alice)].map(passage);
    expect(begin(alice)).toBe("principal_requests");
    const other = passage(begin(bob));
    expect(begin(bob)).toBe("node_requests");
    own[0]?.end();
    own[0]?.end();
    passage(begin(bob));
    expect(begin(carol)).toBe("node_requests");
    other.end();
    passage(begin(carol));
    expect(refused.splice(0)).toEqual(["principal_requests", "node_requests", "node_requests"]);
  });

  it("is so many bytes of bodies, of which a principal has a quarter, and what was refused is not counted", () => {
    const { begin } = open({ maxRequestsInFlight: 100, maxRequestsInFlightPerPrincipal: 100 });
    const first = passage(begin(alice));
    expect([first.grow(20), first.grow(5), first.grow(1)]).toEqual([undefined, undefined, "principal_bodies"]);
    const second = passage(begin(alice));
    expect(second.grow(1)).toBe("principal_bodies");
    expect(passage(begin(bob)).grow(25)).toBeUndefined();
    first.end();
    expect(second.grow(25)).toBeUndefined();
    refused.splice(0);
  });

  it("is no request any more once it is counted elsewhere, and its bytes are held until it ends", () => {
    const { begin } = open({ maxRequestsInFlightPerPrincipal: 1 });
    const stream = passage(begin(alice));
    expect(stream.grow(20)).toBeUndefined();
    stream.leave();
    stream.leave();
    const next = passage(begin(alice));
    expect(begin(alice)).toBe("principal_requests");
    expect(next.grow(6)).toBe("principal_bodies");
    stream.end();
    expect(next.grow(6)).toBeUndefined();
    next.end();
    expect(passage(begin(alice)).grow(25)).toBeUndefined();
    expect(begin(alice)).toBe("principal_requests");
    refused.splice(0);
  });

  it("is never too little for one body of the greatest size, and all of it together is bounded", () => {
    const { begin } = open({ maxBodyBytes: 60, maxRequestsInFlight: 100 });
    expect(passage(begin(alice)).grow(60)).toBeUndefined();
    const other = passage(begin(bob));
    expect([other.grow(41), other.grow(40)]).toEqual(["node_bodies", undefined]);
    refused.splice(0);
  });
});
