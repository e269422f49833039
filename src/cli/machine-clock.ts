/** Milliseconds of the one clock that all processes of a machine have. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
