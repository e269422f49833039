import type { Credential } from "../../src/core/session.ts";
import type { LentUser } from "./ports.ts";

/**
 * Lends users by index, the lowest free one first: a user that one case gave back serves the next, so that a suite
 * needs as many accounts as run at once and not as many as all cases together.
 */
export function createUsers(source: { credential(index: number): Promise<Credential> }): () => Promise<LentUser> {
  const free: number[] = [];
  let count = 0;
  return async () => {
    const index = free.length > 0 ? takeLowest(free) : count++;
    const credential = (): Promise<Credential> => source.credential(index);
    let isLent = true;
    const giveBack = (): void => {
      if (isLent) free.push(index);
      isLent = false;
    };
    try {
      return { id: (await credential()).user, credential, giveBack };
    } catch (error) {
      giveBack();
      throw error;
    }
  };
}

function takeLowest(free: number[]): number {
  let place = 0;
  for (let index = 1; index < free.length; index += 1) if ((free[index] ?? 0) < (free[place] ?? 0)) place = index;
  return free.splice(place, 1)[0] ?? 0;
}
