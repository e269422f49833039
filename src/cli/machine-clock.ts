/** Milliseconds of the one clock that all processes of a machine have. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Acts once after so long; what it gives back calls that off. */
export function after(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}
