// instrumentation.ts
export async function register(): Promise<void> {
  if (process.env["NEXT_RUNTIME"] !== "nodejs" || process.env["NEXT_MANUAL_SIG_HANDLE"] === undefined) return;
  const { closeShop } = await import("./lib/shop.ts");
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => void closeShop().finally(() => process.exit(0)));
  }
}
