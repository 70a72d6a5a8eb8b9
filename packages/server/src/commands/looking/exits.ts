import type { Exit } from "../../cli/command.ts";

export const notFound = 3;

export const notFoundExit: Exit = [notFound, "there is no such thing"];
