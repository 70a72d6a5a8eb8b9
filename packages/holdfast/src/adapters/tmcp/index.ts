/** For servers built with `tmcp` and its transports. */
export { type TmcpManagers, type TmcpOptions, tmcpManagers } from "./managers.ts";
