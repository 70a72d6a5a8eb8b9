/** Asks again every few milliseconds until the answer is not undefined. Throws `what` after the deadline. */
export async function poll<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  what: string,
  deadlineMs = 10_000,
  everyMs = 10,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Throws `complaint` if the promise has not settled by the deadline. */
export async function within<T>(promise: Promise<T>, deadlineMs: number, complaint: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint())), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
