/**
 * Kubernetes tells every container about the services of its namespace through variables named after them. A service
 * called `holdfast` thus sets `HOLDFAST_PORT=tcp://10.0.0.7:3000` and half a dozen more, none of which is a setting.
 */
export function isServiceLink(name: string, value: string): boolean {
  if (/^HOLDFAST_SERVICE_(HOST|PORT(_.+)?)$/.test(name)) return true;
  if (/^HOLDFAST_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)) return true;
  return name === "HOLDFAST_PORT" && /^(tcp|udp|sctp):\/\//.test(value);
}
