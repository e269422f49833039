declare const brand: unique symbol;

/** A value that type-checks only where it was minted; costs nothing at run time. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** `PLAY-CONV-04`: system, category, number. Never changes once published. */
export type RequirementId = Brand<string, "RequirementId">;

const REQUIREMENT_ID = /^[A-Z]{2,8}-[A-Z]{2,6}-[0-9]{2,3}$/;

/**
 * Mints a requirement id.
 * @throws RangeError when the text has not the form `SYSTEM-CATEGORY-NN`.
 */
export function requirementId(text: string): RequirementId {
  if (!REQUIREMENT_ID.test(text)) throw new RangeError(`"${text}" is no requirement id; the form is PLAY-CONV-04`);
  return text as RequirementId;
}
