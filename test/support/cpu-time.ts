/** CPU time of this thread, which other programs on the machine cannot make longer. */

/** Milliseconds since the thread began. The kernel may count in ticks of 4 ms. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
