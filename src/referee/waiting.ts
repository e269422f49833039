/** Lets answers wait until something holds, or a time is over. Whoever changes something calls `changed`. */
export class Waiting {
  readonly #looks: Set<() => void> = new Set();

  changed(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves once `holds`, or after `ms`; with whether it holds. */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    if (holds()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const look = (): void => {
      if (holds()) resolve(true);
    };
    const timer = setTimeout(() => resolve(holds()), ms);
    this.#looks.add(look);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#looks.delete(look);
    }
  }
}
