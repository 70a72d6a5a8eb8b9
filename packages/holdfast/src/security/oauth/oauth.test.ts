import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  CompactSign,
  exportJWK,
  type GenerateKeyPairResult,
  generateKeyPair,
  type JWK,
  SignJWT,
  UnsecuredJWT,
} from "jose";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { ownerOfPrincipal, type Principal } from "../principal.ts";
import { type OAuth, oauth } from "./oauth.ts";
import type { OAuthOptions } from "./options.ts";

const issuer = "https://id.example.com";
const audience = "https://mcp.example.com/mcp";
type Signer = { readonly key: GenerateKeyPairResult["privateKey"]; readonly jwk: JWK; readonly alg: string };

let first: Signer;
let second: Signer;
const servers: Server[] = [];

async function signer(kid: string, alg: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  return { key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg }, alg };
}

beforeAll(async () => {
  first = await signer("first", "ES256");
  second = await signer("second", "RS256");
});
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(
      (server) =>
        new Promise((resolve) => {
          server.close(resolve);
          server.closeAllConnections();
        }),
    ),
  );
});

function sign(claims: Readonly<Record<string, unknown>> = {}, { key, jwk, alg }: Signer = first): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + 300;
  const payload = { iss: issuer, aud: audience, sub: "alice", exp, ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg, kid: jwk.kid ?? "" }).sign(key);
}

type Said = { status: number; principal?: Principal; challenge?: string | undefined };

async function present(door: OAuth, token: string | undefined): Promise<Said> {
  const headers: Record<string, string | undefined> = { host: "mcp.example.com" };
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  const answer = await door.authenticate({ header: (name) => headers[name], url: "/mcp", method: "POST" });
  if (answer.ok) return { status: 200, principal: answer.principal };
  return { status: answer.status, challenge: answer.challenge };
}

function open(options: Partial<OAuthOptions> = {}): OAuth {
  return oauth({ issuer, audience, jwks: { keys: [first.jwk] }, ...options });
}

describe("an access token", () => {
  it("says who is asking: issuer and subject, with client and scopes beside them", async () => {
    const said = await present(open(), await sign({ client_id: "cli", scope: "read admin" }));
    expect(said.principal).toEqual({ issuer, subject: "alice", clientId: "cli", scopes: ["read", "admin"] });
  });

  it("finds the same owner whatever client it was given to (F21)", async () => {
    const owners = [];
    for (const client_id of ["first-install", "second-install"]) {
      const { principal } = await present(open(), await sign({ client_id }));
      owners.push(principal === undefined ? "" : ownerOfPrincipal(principal));
    }
    expect(new Set(owners).size).toBe(1);
  });

  it("speaks for the client where it names no user, and for no user called like it", async () => {
    const client = await present(open(), await sign({ sub: undefined, client_id: "job" }));
    const user = await present(open(), await sign({ sub: "job" }));
    expect(client.principal).toMatchObject({ subject: "job", clientId: "job" });
    expect(client.principal?.issuer).not.toBe(user.principal?.issuer);
  });

  it("speaks for nobody where its user is empty or no text: all of them would be one", async () => {
    const claims = [{ sub: "" }, { sub: 7 }, { sub: null }, { sub: ["alice"] }, { sub: "\ud800" }];
    for (const claim of claims) {
      const said = await present(open(), await sign({ client_id: "app", ...claim }));
      expect([claim, said.status]).toEqual([claim, 401]);
    }
  });

  it("belongs to a tenant where one is asked for: another tenant's user is somebody else", async () => {
    const door = open({ tenantClaim: "org" });
    const acme = await present(door, await sign({ org: "acme" }));
    const other = await present(door, await sign({ org: "acme&client" }));
    expect(acme.principal).toMatchObject({ issuer: `${issuer}#tenant=acme`, subject: "alice" });
    expect(other.principal?.issuer).toBe(`${issuer}#tenant=acme%26client`);
    for (const org of [undefined, "", 7, ["acme"], "\udfff"]) {
      const said = await present(door, await sign({ org }));
      expect([org, said.status]).toEqual([org, 401]);
    }
  });

  it("is refused where anything about it is wrong, with a challenge that says where to get another", async () => {
    const past = Math.floor(Date.now() / 1_000) - 3_600;
    const stranger = await signer("first", "ES256");
    const symmetric = new TextEncoder().encode(JSON.stringify(first.jwk));
    const wrong: Record<string, string> = {
      expired: await sign({ exp: past }),
      "of another issuer": await sign({ iss: "https://evil.example" }),
      "for another audience": await sign({ aud: "https://other.example" }),
      "without an end": await sign({ exp: undefined }),
      "not good yet": await sign({ nbf: -past + 2 * Date.now() }),
      "of nobody": await sign({ sub: undefined }),
      "signed by a stranger": await sign({}, stranger),
      "of an unknown key": await sign({}, second),
      unsigned: new UnsecuredJWT({ iss: issuer, aud: audience, sub: "alice" }).setExpirationTime("1h").encode(),
      "signed with the public key as a secret": await new SignJWT({ iss: issuer, aud: audience, sub: "alice" })
        .setProtectedHeader({ alg: "HS256", kid: "first" })
        .setExpirationTime("1h")
        .sign(symmetric),
      "cut short": (await sign()).slice(0, -3),
      "no token at all": "constructor",
      huge: "a".repeat(20_000),
    };
    const door = open();
    for (const [what, token] of Object.entries(wrong)) {
      const said = await present(door, token);
      expect([what, said.status], what).toEqual([what, 401]);
      expect(said.challenge, what).toMatch(
        /^Bearer realm="holdfast", error="invalid_token", error_description="[a-z ]+"/,
      );
      expect(said.challenge).toContain(
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
      );
      expect(said.challenge, what).not.toContain(token.slice(0, 20));
    }
  });

  it("is refused where its head or its claims are of another shape than they have to be", async () => {
    const stranger = await signer("stranger", "ES256");
    const headed = (header: Readonly<Record<string, unknown>>, { key, alg }: Signer = first): Promise<string> =>
      new SignJWT({ iss: issuer, aud: audience, sub: "alice" })
        .setProtectedHeader({ alg, ...header })
        .setExpirationTime("1h")
        .sign(key);
    /** Signed as it should be, over a payload that the library would not make. */
    const bare = (payload: unknown): Promise<string> =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg: first.alg, kid: "first" })
        .sign(first.key);
    const exp = Math.floor(Date.now() / 1_000) + 300;
    const good = { iss: issuer, aud: audience, sub: "alice", exp };
    const door = open();
    expect((await present(door, await bare(good))).status).toBe(200);
    expect((await present(door, await bare({ ...good, aud: ["https://other.example", audience] }))).status).toBe(200);
    const wrong: Record<string, string> = {
      "whose end is a text": await bare({ ...good, exp: `${exp}` }),
      "whose end is no number of JSON's": await bare({ ...good, exp: null }),
      "whose beginning is a text": await bare({ ...good, nbf: "0" }),
      "for nobody in a list": await bare({ ...good, aud: [] }),
      "for a list in a list": await bare({ ...good, aud: [[audience]] }),
      "for something like it": await bare({ ...good, aud: `${audience}/` }),
      "of a list of issuers": await bare({ ...good, iss: [issuer] }),
      "whose claims are a list": await bare([good]),
      "whose claims are no JSON": await bare(undefined).catch(() => "a.b.c"),
      "with a key of its own": await headed({ kid: "first", jwk: stranger.jwk }, stranger),
      "with a place of its own for keys": await headed({ kid: "stranger", jku: "https://evil.example/jwks" }, stranger),
      "whose key is a path": await headed({ kid: "../../first" }),
      "whose key is an address": await headed({ kid: "https://evil.example/key" }, stranger),
      "whose key is a name of every object": await headed({ kid: "__proto__" }, stranger),
    };
    for (const [what, token] of Object.entries(wrong)) {
      const said = await present(door, token);
      expect([what, said.status]).toEqual([what, 401]);
    }
    // What is asked to be understood and is not is refused by whoever reads it.
    const [, claims = "", seal = ""] = (await sign()).split(".");
    const critical = Buffer.from(JSON.stringify({ alg: first.alg, kid: "first", crit: ["x"], x: 1 })).toString(
      "base64url",
    );
    expect((await present(door, `${critical}.${claims}.${seal}`)).status).toBe(401);
  });

  it("may be a little late, by clocks that differ", async () => {
    const late = await sign({ exp: Math.floor(Date.now() / 1_000) - 10 });
    expect((await present(open(), late)).status).toBe(200);
    expect((await present(open({ clockToleranceMs: 0 }), late)).status).toBe(401);
  });

  it("needs the scopes that every request needs", async () => {
    const door = open({ requiredScopes: ["mcp", "read"] });
    expect((await present(door, await sign({ scp: ["mcp", "read"] }))).status).toBe(200);
    expect(await present(door, await sign({ scope: "mcp" }))).toEqual({
      status: 403,
      challenge:
        'Bearer realm="holdfast", error="insufficient_scope", scope="mcp read", ' +
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
    });
    expect((await present(door, undefined)).challenge).toMatch(
      /^Bearer realm="holdfast", scope="mcp read", resource_m/,
    );
  });

  it("can be revoked", async () => {
    const revoked = new Set<unknown>();
    const door = open({ revoked: ({ jti }) => revoked.has(jti) });
    const token = await sign({ jti: "t1" });
    expect((await present(door, token)).status).toBe(200);
    revoked.add("t1");
    expect((await present(door, token)).status).toBe(401);
  });
});

describe("the issuer's keys", () => {
  async function publish(): Promise<{ url: URL; state: { keys: JWK[]; down: boolean; asked: number } }> {
    const state = { keys: [first.jwk], down: false, asked: 0 };
    const server = createServer((_, response) => {
      state.asked += 1;
      response.statusCode = state.down ? 500 : 200;
      response.end(JSON.stringify({ keys: state.keys }));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // A TCP server's address is an object once it listens.
    return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`), state };
  }

  it("are fetched once for many, and again when a token names one that is not among them", async () => {
    const { url, state } = await publish();
    const door = open({ jwks: url, keyCooldownMs: 0 });
    const token = await sign();
    await Promise.all(Array.from({ length: 20 }, () => present(door, token)));
    expect(state.asked).toBe(1);
    state.keys = [second.jwk];
    expect((await present(door, await sign({}, second))).status).toBe(200);
    expect(state.asked).toBe(2);
    // The key that was taken away opens nothing any more.
    expect((await present(door, token)).status).toBe(401);
  });

  it("are not fetched again and again for invented key ids", async () => {
    const { url, state } = await publish();
    const door = open({ jwks: url });
    await present(door, await sign());
    for (let n = 0; n < 50; n += 1) {
      const invented = { ...second, jwk: { ...second.jwk, kid: `invented-${n}` } };
      expect((await present(door, await sign({}, invented))).status).toBe(401);
    }
    expect(state.asked).toBe(1);
  });

  it.each<[string, RequestListener]>([
    ["sends elsewhere", (_, response) => void response.writeHead(302, { location: "http://127.0.0.1:9/jwks" }).end()],
    ["never comes to an end", (_, response) => void response.write('{"keys":[')],
    ["sends more than any keys are", (_, response) => void response.end(`{"keys":[],"x":"${"x".repeat(2 ** 21)}"}`)],
    ["sends something else", (_, response) => void response.end("<html>")],
    ["sends a list of nothing known", (_, response) => void response.end('{"keys":{"length":1}}')],
  ])(
    "are not to be had from who %s: nobody is let in, and each is told so in time",
    async (_what, answer) => {
      const server = createServer(answer);
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const jwks = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`);
      const door = open({ jwks });
      const token = await sign();
      const all = await Promise.allSettled(Array.from({ length: 5 }, () => present(door, token)));
      for (const each of all) expect(each).toMatchObject({ status: "rejected", reason: { code: "UNAVAILABLE" } });
    },
    20_000,
  );

  it("serve on while the issuer is down, and nobody is let in or turned away where there are none", async () => {
    const { url, state } = await publish();
    const door = open({ jwks: url, keyCooldownMs: 0, maxKeyAgeMs: 0 });
    expect((await present(door, await sign())).status).toBe(200);
    state.down = true;
    expect((await present(door, await sign())).status).toBe(200);
    await expect(present(open({ jwks: url }), await sign())).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });
});

describe("protected resource metadata", () => {
  const ask = (door: OAuth, url: string): unknown =>
    door.metadata({ header: (name) => (name === "host" ? "localhost:3000" : undefined), url });

  it("names the resource as it was asked for, or as configured, and its issuer", () => {
    expect(ask(open({ requiredScopes: ["mcp"] }), "/.well-known/oauth-protected-resource/mcp")).toEqual({
      resource: "http://localhost:3000/mcp",
      authorization_servers: [issuer],
      bearer_methods_supported: ["header"],
      scopes_supported: ["mcp"],
    });
    const configured = open({ resource: "https://mcp.example.com/mcp" });
    expect(ask(configured, "/.well-known/oauth-protected-resource?x=1")).toMatchObject({ resource: audience });
  });

  it("is nothing for other paths", () => {
    for (const url of [
      "/",
      "/mcp",
      "/.well-known/oauth-protected-resourcex",
      "//",
      "/.well-known/openid-configuration",
    ]) {
      expect(ask(open(), url), url).toBeUndefined();
    }
  });
});

describe("options", () => {
  it.each([
    [{ issuer: "id.example.com" }, "issuer is a URL"],
    [{ issuer: "https://id.example.com/#tenant=x" }, "issuer is a URL without query and fragment"],
    [{ audience: [] }, "audience is a text"],
    [{ jwks: new URL("http://id.example.com/jwks") }, "jwks is fetched over https"],
    [{ clockToleranceMs: -1 }, "clockToleranceMs is a whole number"],
    [{ audiences: "x" } as Partial<OAuthOptions>, "audiences"],
  ])("%o is refused", (options, message) => {
    expect(() => open(options)).toThrow(message);
  });
});
