/**
 * A browser as light as it gets: it fetches pages, keeps cookies, and knows which page it is at. It is told what to open by lines on its input and answers
 * each with a line, in order. When its input ends it ends, so a `kill -9` of the server leaves none behind.
 */
import { createInterface } from "node:readline";

import type { Answer, Order, Page } from "./browser.ts";

const timeoutMs = 10_000;
const maxPageBytes = 1_048_576;
const maxRedirects = 5;

/** `name=value` by name, by origin. */
const cookies = new Map<string, Map<string, string>>();
let current: Page | undefined;

// The terminal sends it to all processes; the server decides when its browsers end.
process.on("SIGINT", () => {});

for await (const line of createInterface({ input: process.stdin })) {
  // Written by our own server, a line per order.
  const answer = await follow(JSON.parse(line) as Order);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function follow(order: Order): Promise<Answer> {
  try {
    current = await visit("url" in order ? order.url : linkOf(order.link));
    return { page: current };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function linkOf(number: number): string {
  const link = current?.links[number - 1];
  if (link === undefined) throw new Error(`there is no link ${number} on ${current?.url ?? "an empty page"}`);
  return link.url;
}

async function visit(address: string): Promise<Page> {
  const signal = AbortSignal.timeout(timeoutMs);
  let url = new URL(address, current?.url);
  // One by one rather than by fetch itself: a login sets its cookie on the way.
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    if (!/^https?:$/.test(url.protocol)) throw new Error(`"${url.protocol}" is not opened; http: and https: are`);
    const jar = cookies.get(url.origin) ?? new Map<string, string>();
    const headers = jar.size > 0 ? { cookie: [...jar.values()].join("; ") } : {};
    const response = await fetch(url, { headers, redirect: "manual", signal });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ""] = cookie.split(";");
      if (jar.size < 50) jar.set(pair.split("=")[0] ?? "", pair);
    }
    cookies.set(url.origin, jar);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) {
      return pageOf(url, response.status, await bodyOf(response));
    }
    await response.body?.cancel();
    url = new URL(location, url);
  }
  throw new Error(`${address} leads in circles`);
}

/** As much of it as a page may have. */
async function bodyOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const stream: AsyncIterable<Uint8Array> | undefined = body ?? undefined;
  for await (const chunk of stream ?? []) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > maxPageBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxPageBytes).toString("utf8");
}

function pageOf(url: URL, status: number, html: string): Page {
  const shown = html.replaceAll(/<(script|style|head|title)\b[\s\S]*?<\/\1\s*>/gi, " ");
  const links = [...shown.matchAll(/<a\b[^>]*?\bhref\s*=\s*["']([^"']+)["'][^>]*>([\s\S]*?)<\/a\s*>/gi)]
    .filter(([, href = ""]) => URL.canParse(href, url.href))
    .slice(0, 100)
    .map(([, href = "", text = ""], index) => ({ link: index + 1, text: textOf(text), url: new URL(href, url).href }));
  const title = /<title\b[^>]*>([\s\S]*?)<\/title\s*>/i.exec(html)?.[1] ?? "";
  return { url: url.href, status, title: textOf(title), text: textOf(shown), links };
}

function textOf(html: string): string {
  return html
    .replaceAll(/<(?:br|p|div|li|tr|h[1-6])\b[^>]*>/gi, "\n")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll(/[^\S\n]+/g, " ")
    .replaceAll(/\s*\n\s*/g, "\n")
    .trim();
}
