import { expect, it } from "vitest";

import { complaint } from "./exchange.ts";

const told = (status: string, body: string, headers = ""): string =>
  `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const refusal = '{"jsonrpc":"2.0","error":{"code":-32000,"message":"nö"},"id":null}';

it("finds nothing wrong with answers as they are declared, one after the other", () => {
  const bare = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
  for (const answers of ["", bare, told("403", refusal), told("403", refusal) + told("401", refusal) + bare]) {
    expect(complaint(answers, "marker"), answers).toBeUndefined();
  }
  expect(complaint(`HTTP/1.1 100 Continue\r\n\r\n${told("403", refusal)}`, "marker")).toBeUndefined();
  const toHead = "HTTP/1.1 405 X\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n";
  expect(complaint(toHead + bare, "marker")).toBeUndefined();
});

it.each([
  ["status NaN", "what is this"],
  ["status 500", told("500", refusal)],
  ["somebody else's data", told("200", refusal.replace("nö", "the marker"))],
  ["a header that was injected", told("403", refusal, "Set-Cookie: a=b\r\n")],
  ["no JSON-RPC", told("403", '{"error":"no"}')],
  ["no JSON-RPC", told("403", refusal.slice(1))],
])("complains of %s, in the first answer and in one that follows", (wrong, answer) => {
  expect(complaint(answer, "marker")).toBe(wrong);
  expect(complaint(told("403", refusal) + answer, "marker")).toBe(wrong);
});
