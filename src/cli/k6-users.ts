import type { ResolvedTarget } from "../core/target.ts";
import type { PreparedUser } from "../engines/k6/credentials.ts";
import type { CredentialSource } from "../../fixtures/credentials/index.ts";
import { openPool } from "../../fixtures/identities/index.ts";
import { p256Jwk } from "../../fixtures/identities/signing.ts";

/**
 * What k6 gets of each client beforehand: names where users have no more than that, and the keys that its WebCrypto
 * signs with, which are those on P-256. All others ask while they play: k256 is not for WebCrypto, accounts have
 * sessions, and keys that are rotated must not be copies.
 */
export async function preparedUsers(
  clients: number,
  {
    target,
    source,
    seed,
    rotates,
  }: { readonly target: ResolvedTarget; readonly source: CredentialSource; readonly seed: string; readonly rotates: boolean },
): Promise<readonly PreparedUser[]> {
  const numbers = Array.from({ length: clients }, (_, index) => index);
  const { recipe } = target.credential;
  if (recipe === "none") return Promise.all(numbers.map((index) => source.credential(index)));
  if (recipe !== "serviceJwt" || rotates) return [];
  const pool = await openPool({ seed });
  return Promise.all(
    numbers.map(async (index) => {
      const { curve, did, privateKey } = await pool.identity(index);
      return curve === "p256" ? { user: did, jwk: p256Jwk(privateKey) } : null;
    }),
  );
}
