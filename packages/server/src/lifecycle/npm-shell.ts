/** Asking the system who one's parent is costs less than a microsecond. */
const lookEveryMs = 250;

/**
 * `npm start` and `npx` run a program by way of a shell. A signal to npm ends npm and that shell, neither of which passes it
 * on: the program would go on, without an owner and with its port. So it is told here when its shell is gone. A program whose
 * shell was gone before it looked was put into the background on purpose; one that npm did not start has another owner.
 */
export function watchNpmShell(gone: () => void): Disposable {
  const shell = process.ppid;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    if (process.ppid === shell) return;
    clearInterval(timer);
    gone();
  };
  if (process.env["npm_lifecycle_event"] !== undefined) timer = setInterval(look, lookEveryMs).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
    },
  };
}
