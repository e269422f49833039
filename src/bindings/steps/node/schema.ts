import { Schema } from "prosemirror-model";

/**
 * The schema `basic` (S-16): specs and content expressions as in prosemirror-schema-basic and prosemirror-schema-list,
 * without horizontal rules and ordered lists, and without anything that needs a DOM.
 */
const basic: Schema = new Schema({
  nodes: {
    doc: { content: "block+" },
    paragraph: { content: "inline*", group: "block" },
    blockquote: { content: "block+", group: "block", defining: true },
    heading: { attrs: { level: { default: 1, validate: "number" } }, content: "inline*", group: "block", defining: true },
    code_block: { content: "text*", marks: "", group: "block", code: true, defining: true },
    text: { group: "inline" },
    image: {
      inline: true,
      attrs: {
        src: { validate: "string" },
        alt: { default: null, validate: "string|null" },
        title: { default: null, validate: "string|null" },
      },
      group: "inline",
      draggable: true,
    },
    hard_break: { inline: true, group: "inline", selectable: false },
    bullet_list: { content: "list_item+", group: "block" },
    list_item: { content: "paragraph block*", defining: true },
  },
  marks: {
    link: { attrs: { href: { validate: "string" }, title: { default: null, validate: "string|null" } }, inclusive: false },
    em: {},
    strong: {},
    code: { code: true },
  },
});

/** The schema `minimal`, the published package's default (S-16). */
const minimal: Schema = new Schema({
  nodes: { doc: { content: "block+" }, paragraph: { content: "inline*", group: "block" }, text: { group: "inline" } },
});

/** The schema of a name. */
export function schemaNamed(name: SchemaName): Schema {
  return name === "basic" ? basic : minimal;
}

export type SchemaName = "basic" | "minimal";

/** What a dialect has where nothing else is said. */
export function schemaOf(dialect: string): SchemaName {
  return dialect === "upstream" ? "minimal" : "basic";
}
