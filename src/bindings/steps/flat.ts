import { canonicalDoc } from "./canonical.ts";
import type { Editing, Replica } from "./editing.ts";
import type { DocJson, StepJson } from "./messages.ts";

/**
 * An editing port without a document model, for runtimes that load no packages: it counts versions and types its marked
 * text at the start of the first paragraph, where text always fits as long as nobody puts another block before it. Whether
 * documents agree is then judged by the server's own snapshots alone.
 */
export const flatEditing: Editing = {
  hasDocuments: false,
  open: (doc, version) => new FlatReplica(doc, version),
  parse: (steps) => ({ size: steps.length, steps }),
  canonical: canonicalDoc,
};

class FlatReplica implements Replica {
  readonly #doc: DocJson;
  #version: number;
  #own: { readonly step: StepJson; readonly tag: number }[] = [];

  constructor(doc: DocJson, version: number) {
    this.#doc = doc;
    this.#version = version;
  }

  get version(): number {
    return this.#version;
  }

  get unconfirmed(): number {
    return this.#own.length;
  }

  edit(_edit: unknown, text: string, tag: number): void {
    this.#own.push({ step: { stepType: "replace", from: 1, to: 1, slice: { content: [{ type: "text", text }] } }, tag });
  }

  sendable(stepsMax: number): ReturnType<Replica["sendable"]> {
    if (this.#own.length === 0) return undefined;
    const first = this.#own.slice(0, stepsMax);
    return { version: this.#version, steps: first.map(({ step }) => step), tags: first.map(({ tag }) => tag) };
  }

  receive(batch: { readonly size: number }): boolean {
    this.#version += batch.size;
    return true;
  }

  confirm(count: number): void {
    this.#own = this.#own.slice(count);
    this.#version += count;
  }

  tags(): readonly number[] {
    return this.#own.map(({ tag }) => tag);
  }

  doc(): DocJson {
    return this.#doc;
  }
}
