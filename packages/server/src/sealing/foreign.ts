/**
 * Whether a file is neither ours, nor the administrator's, nor of whose folder it is. Those two can put any file there anyway.
 * False where the system has no users.
 */
export function isForeign(file: { readonly uid: number }, folder: { readonly uid: number } | undefined): boolean {
  const us = process.getuid?.();
  return us !== undefined && ![us, 0, folder?.uid].includes(file.uid);
}
