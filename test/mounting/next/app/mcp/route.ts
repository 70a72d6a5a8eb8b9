// app/mcp/route.ts
import { shop } from "../../lib/shop.ts";

async function handle(request: Request): Promise<Response> {
  return await (await shop())(request);
}

export const runtime = "nodejs";
export const dynamic = "force-dynamic";
export { handle as DELETE, handle as GET, handle as POST };
