import { type Fields, isFields, own } from "../../json.ts";
import type { Steps } from "../../messages.ts";
import type { Config } from "../config.ts";
import type { AnyRoom, Faults } from "../faults.ts";

/** What a mutant replaces. State that a fault needs lives in the closure: one server, one fault. */
export type Faulty = (config: Config) => Partial<Faults>;

type Broadcast = Faults["broadcast"];

/** A broadcast that is told otherwise where `when` holds. */
export function broadcastWhen(
  when: (message: Steps, room: AnyRoom, index: number) => boolean,
  instead: (message: Steps & { readonly version: number }) => ReturnType<Broadcast>,
): Faulty {
  return () => ({ broadcast: (message, room, index) => (when(message, room, index) ? instead(message) : [message]) });
}

/** The first step of a batch, as fields. */
export function firstOf(steps: readonly unknown[]): Fields {
  const [first] = steps;
  return isFields(first) ? first : {};
}

/** A field of an object that may not be one. */
export function fieldOf(value: unknown, name: string): unknown {
  return isFields(value) ? own(value, name) : undefined;
}
