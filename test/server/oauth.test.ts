/** The built server behind an OAuth issuer: real signed tokens, and the official client's way from nothing to a token. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  Client,
  type OAuthClientProvider,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from "@modelcontextprotocol/client";
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { answerOf, faultOf, textOf, valueOf } from "../clients/caller.ts";
import { removeFolder, runServer, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { connect, openRawSession, post, toolCall } from "./connect.ts";

const audience = "holdfast-tests";

/** An issuer on loopback: keys, discovery, registration, and codes for whoever asks. */
class Issuer {
  keys: { readonly key: GenerateKeyPairResult["privateKey"]; readonly jwk: JWK }[] = [];
  readonly asked: string[] = [];
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));
  url = "";

  async start(): Promise<void> {
    await this.rotate();
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    // A TCP server's address is an object once it listens.
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async rotate(): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const kid = `k${this.keys.length + 1}`;
    this.keys.unshift({ key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256" } });
  }

  token(claims: Readonly<Record<string, unknown>> = {}, seconds = 300): Promise<string> {
    const [newest] = this.keys;
    if (newest === undefined) throw new Error("the issuer has no key");
    const exp = Math.floor(Date.now() / 1_000) + seconds;
    return new SignJWT({ sub: "alice", client_id: "cli", scope: "mcp", ...claims, exp })
      .setProtectedHeader({ alg: "ES256", kid: newest.jwk.kid ?? "", typ: "at+jwt" })
      .setIssuer(this.url)
      .setAudience(audience)
      .sign(newest.key);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    this.asked.push(pathname);
    const json = (value: unknown): unknown =>
      response.setHeader("content-type", "application/json").end(JSON.stringify(value));
    switch (pathname) {
      case "/jwks":
        return void json({ keys: this.keys.map(({ jwk }) => jwk) });
      case "/.well-known/oauth-authorization-server":
        return void json({
          issuer: this.url,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          registration_endpoint: `${this.url}/register`,
          jwks_uri: `${this.url}/jwks`,
          response_types_supported: ["code"],
          code_challenge_methods_supported: ["S256"],
          token_endpoint_auth_methods_supported: ["none"],
        });
      case "/register":
        response.statusCode = 201;
        return void json({ client_id: "registered", redirect_uris: ["http://127.0.0.1/callback"] });
      case "/authorize":
        response.writeHead(302, {
          location: `${searchParams.get("redirect_uri")}?code=c0de&state=${searchParams.get("state") ?? ""}`,
        });
        return void response.end();
      case "/token":
        return void json({ access_token: await this.token(), token_type: "Bearer", expires_in: 300, scope: "mcp" });
      default:
        response.statusCode = 404;
        response.end();
    }
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

const issuer = new Issuer();
let dir: string;
let server: ServerProcess;

beforeAll(async () => {
  dir = await temporaryFolder();
  await issuer.start();
  const args = ["--auth-jwks", `${issuer.url}/jwks`, "--auth-issuer", issuer.url, "--auth-audience", audience];
  server = await startServer({ dir, args: [...args, "--auth-scopes", "mcp", "--auth-clock-tolerance", "0s"] });
});
afterAll(async () => {
  await server.kill();
  await issuer.close();
  await removeFolder(dir);
});

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

describe("a server behind an OAuth issuer", () => {
  it("tells who has no token where to get one", async () => {
    const answer = await post(server.url, ping);
    const metadata = `${server.origin}/.well-known/oauth-protected-resource/mcp`;
    expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([
      401,
      `Bearer realm="holdfast", scope="mcp", resource_metadata="${metadata}"`,
    ]);
    const found = await fetch(metadata);
    expect([found.status, found.headers.get("access-control-allow-origin"), await found.json()]).toEqual([
      200,
      "*",
      {
        resource: server.url,
        authorization_servers: [issuer.url],
        bearer_methods_supported: ["header"],
        scopes_supported: ["mcp", "admin"],
      },
    ]);
    const other = await fetch(`${server.origin}/.well-known/openid-configuration`);
    expect(other.status).toBe(404);
    await other.body?.cancel();
  });

  it("lets the official client find its way: challenge, metadata, registration, code, token, call", async () => {
    const saved: { client?: object; tokens?: object; verifier?: string; at?: URL } = {};
    const provider: OAuthClientProvider = {
      redirectUrl: "http://127.0.0.1/callback",
      clientMetadata: { redirect_uris: ["http://127.0.0.1/callback"], client_name: "tests" },
      // What was saved is what is given back.
      clientInformation: () => saved.client as ReturnType<OAuthClientProvider["clientInformation"]>,
      saveClientInformation: (given) => void (saved.client = given),
      tokens: () => saved.tokens as ReturnType<OAuthClientProvider["tokens"]>,
      saveTokens: (given) => void (saved.tokens = given),
      redirectToAuthorization: (url) => void (saved.at = url),
      saveCodeVerifier: (given) => void (saved.verifier = given),
      codeVerifier: () => saved.verifier ?? "",
    };
    const options = { versionNegotiation: { mode: "legacy" } } as const;
    const transport = new StreamableHTTPClientTransport(new URL(server.url), { authProvider: provider });
    const unauthorized = new Client({ name: "tests", version: "1" }, options).connect(transport);
    await expect(unauthorized).rejects.toBeInstanceOf(UnauthorizedError);
    expect(saved.at?.searchParams.get("resource")).toBe(server.url);
    expect(saved.at?.searchParams.get("scope")).toContain("mcp");

    const back = await fetch(saved.at ?? "", { redirect: "manual" });
    await transport.finishAuth(new URL(back.headers.get("location") ?? "").searchParams);
    const client = new Client({ name: "tests", version: "1" }, options);
    await client.connect(new StreamableHTTPClientTransport(new URL(server.url), { authProvider: provider }));
    const answer = answerOf(await client.callTool({ name: "create_session", arguments: { label: "found" } }));
    expect(textOf(await valueOf(Promise.resolve(answer)), "session_id")).toMatch(/^ses_/);
    await client.close();
    expect(issuer.asked).toEqual(expect.arrayContaining(["/register", "/authorize", "/token", "/jwks"]));
  });

  it("keeps users apart, and one user's devices together", async () => {
    await using alice = await connect(server.url, "2026", await issuer.token());
    await using phone = await connect(server.url, "2026", await issuer.token({ client_id: "phone" }));
    await using bob = await connect(server.url, "2026", await issuer.token({ sub: "bob" }));
    const session_id = textOf(await valueOf(alice.call("create_session")), "session_id");
    expect(await valueOf(phone.call("increment_counter", { session_id, name: "n" }))).toMatchObject({ value: 1 });
    expect(await faultOf(bob.call("get_context", { session_id }))).toMatchObject({ code: "not_found" });
  });

  it("opens its inside to the scope admin alone", async () => {
    await using plain = await connect(server.url, "2026", await issuer.token());
    await using admin = await connect(server.url, "2026", await issuer.token({ scope: "mcp admin" }));
    expect(await faultOf(plain.call("get_server_config"))).toMatchObject({ code: "forbidden" });
    expect(await valueOf(admin.call("get_server_config"))).toMatchObject({ auth: "oauth", auth_issuer: issuer.url });
  });

  it("goes on with a session under a renewed token and refuses the old one once it has expired", async () => {
    const short = await issuer.token({}, 3);
    const session = await openRawSession(server.url, { authorization: `Bearer ${short}` });
    expect((await post(server.url, toolCall("list_session_keys"), session)).status).toBe(200);
    await expect
      .poll(async () => (await post(server.url, ping, session)).status, { timeout: 30_000, interval: 200 })
      .toBe(401);
    const late = await post(server.url, ping, session);
    expect(late.headers.get("www-authenticate")).toContain(
      'error="invalid_token", error_description="the token has expired"',
    );
    const renewed = { ...session, authorization: `Bearer ${await issuer.token()}` };
    expect((await post(server.url, toolCall("list_session_keys"), renewed)).status).toBe(200);
    const narrowed = { ...session, authorization: `Bearer ${await issuer.token({ scope: "other" })}` };
    const answer = await post(server.url, ping, narrowed);
    expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([
      403,
      expect.stringContaining('error="insufficient_scope", scope="mcp"'),
    ]);
  });
});

describe("a server that could not know whose tokens to take", () => {
  it.each([
    [["--auth-jwks", "nowhere.json", "--auth-issuer", "https://id.example", "--auth-audience", "x"], "nowhere.json"],
    [["--auth-jwks", "http://id.example/jwks", "--auth-issuer", "https://id.example", "--auth-audience", "x"], "https"],
    [["--auth-jwks", "https://id.example/jwks", "--auth-issuer", "id.example", "--auth-audience", "x"], "issuer"],
    [["--host", "0.0.0.0"], "without authentication"],
  ])("does not start: %j", async (args, reason) => {
    const { code, stderr } = await runServer({
      args: ["serve", "--port", "0", "--store", "memory:", ...args],
      cwd: dir,
    });
    expect([code, stderr]).toEqual([2, expect.stringContaining(reason)]);
  });
});
