import { expect, it } from "vitest";

import { Addresses, networkOf } from "./addresses.ts";

it("counts an IPv4 address by itself, and IPv6 by its network, however it is written", () => {
  const same = [
    ["192.0.2.7", "::ffff:192.0.2.7", "::FFFF:192.0.2.7"],
    ["2001:db8::1", "2001:db8:0:0:ffff::1", "2001:0DB8::", "2001:db8:0:0:1:2:3:4", "2001:db8::192.0.2.1"],
    ["2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"],
    ["fe80::1%eth0", "fe80::2"],
    ["::1", "::2"],
  ];
  for (const group of same) expect([group, new Set(group.map(networkOf)).size]).toEqual([group, 1]);
  expect(new Set(same.map(([first = ""]) => networkOf(first))).size).toBe(same.length);
  expect(networkOf("192.0.2.7")).toBe("192.0.2.7");
  expect(networkOf("2001:db8::1")).toBe("2001:db8:0:0::/64");
});

it("leaves alone what is no address", () => {
  for (const odd of ["", "a pipe", ":::", "1::2::3"]) expect(networkOf(odd)).toBe(odd);
});

it("knows of a request where it came from, and of another nothing", () => {
  const addresses = new Addresses();
  const request = new Request("http://localhost/");
  expect(addresses.note(request, "192.0.2.7")).toBe(request);
  expect(addresses.of(request)).toBe("192.0.2.7");
  expect(addresses.of(new Request("http://localhost/"))).toBeUndefined();
  expect(addresses.of(undefined)).toBeUndefined();
});
