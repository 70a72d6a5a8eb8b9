/** Polls until `probe` answers true; fails after the deadline, naming what did not come. */
export async function eventually(
  what: string,
  probe: () => boolean | Promise<boolean>,
  withinMs = 10_000,
): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await probe())) {
    if (performance.now() > until) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
