// instrumentation.ts
export async function register(): Promise<void> {
  // In this form Next leaves it out of what it builds for the edge.
  if (process.env["NEXT_RUNTIME"] === "nodejs") {
    const { closeOnSignals } = await import("./lib/shop.ts");
    closeOnSignals();
  }
}
