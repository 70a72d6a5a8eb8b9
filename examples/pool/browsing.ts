/** Tools that browse: each session has a browser and a file of its own, on the node that serves it, for as long as it lives. */
import { type App, type Hold, reply, type Session, serve } from "holdfast";
import { z } from "zod";

import type { Browser, Page } from "./browser.ts";
import type { BrowserPool } from "./pool.ts";
import { Scratch } from "./scratch.ts";

const Which = z.object({
  session: z.string().describe("From start_session; may be left out on a connection that is a session.").optional(),
});
const Address = Which.extend({ url: z.url({ protocol: /^https?$/ }).max(2_000) });
const LinkNumber = Which.extend({ link: z.int().min(1).describe("Its number on the page you are at.") });
const Word = Which.extend({ word: z.string().min(1).max(100), limit: z.int().min(1).max(100).default(20) });

export type Tools = {
  readonly pool: BrowserPool;
  /** Where sessions have their files. */
  readonly folder: string;
};

export function browsing(hold: Hold<readonly []>, { pool, folder }: Tools): App {
  /** The session's browser, from the pool if it has none. A crashed one is given back first. */
  async function browserOf(session: Session): Promise<Browser> {
    const borrow = (): Promise<Browser> =>
      session.disposable("browser", () => pool.lend(), { dispose: (browser) => pool.takeBack(browser) });
    const browser = await borrow();
    if (browser.alive) return browser;
    await session.dispose("browser");
    return borrow();
  }

  const scratchOf = (session: Session): Promise<Scratch> => session.disposable("pages", () => Scratch.create(folder));

  return serve(hold, { name: "browsing", version: "1.0.0" }, (server, { session: own, sessions }) => {
    const sessionOf = (id: string | undefined): Session =>
      id === undefined && own !== undefined ? own : sessions.open(id ?? "");

    server.registerTool("start_session", { description: "Starts a session with a browser of its own." }, async () =>
      reply({ session: (await sessions.create()).id }),
    );

    server.registerTool(
      "open_page",
      { description: "Opens an address in your browser.", inputSchema: Address },
      async ({ session, url }) => reply(shown(await (await browserOf(sessionOf(session))).open({ url }))),
    );

    server.registerTool(
      "follow_link",
      { description: "Follows a link of the page you are at.", inputSchema: LinkNumber },
      async ({ session, link }) => reply(shown(await (await browserOf(sessionOf(session))).open({ link }))),
    );

    server.registerTool(
      "keep_page",
      { description: "Opens an address and keeps all of its text, to be searched later.", inputSchema: Address },
      async ({ session: id, url }) => {
        const session = sessionOf(id);
        const { title, text } = await (await browserOf(session)).open({ url });
        return reply({ title, kept_bytes: await (await scratchOf(session)).add(text) });
      },
    );

    server.registerTool(
      "search_pages",
      { description: "The lines of the pages you kept in which a word is.", inputSchema: Word },
      async ({ session, word, limit }) =>
        reply({ lines: await (await scratchOf(sessionOf(session))).find(word, limit) }),
    );

    server.registerTool(
      "end_session",
      { description: "Ends a session: its browser is closed, what it kept is removed.", inputSchema: Which },
      async ({ session }) => reply({ ended: await sessionOf(session).end() }),
    );
  });
}

/** As much of a page as a model wants to read at once. */
function shown({ text, links, ...page }: Page): object {
  return { ...page, text: text.slice(0, 4_000), links: links.slice(0, 50) };
}
