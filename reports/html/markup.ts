import { escapeMarkup } from "../text.ts";

/** HTML that is safe to put into a page as it is. */
export interface Markup {
  readonly text: string;
}

export type Part = string | number | Markup | undefined | readonly Part[];

/**
 * Template tag: literal text is markup; every value that is not `Markup` itself is escaped. Undefined gives nothing.
 * Not called `html`: formatters rewrite templates of that name, and white space counts here (hashes, inline text).
 */
export function markup(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { text: literals.map((literal, index) => literal + render(parts[index])).join("") };
}

/** Trusted text, such as a style sheet, put in unescaped. */
export function raw(text: string): Markup {
  return { text };
}

/** A requirement's text: words between backticks become code. */
export function prose(text: string): Markup {
  return {
    text: text
      .split("`")
      .map(
        (part, index, all) =>
          (index % 2 === 1 && index < all.length - 1 ? markup`<code>${part}</code>` : markup`${index % 2 === 1 ? `\`${part}` : part}`).text,
      )
      .join(""),
  };
}

/** A JSON data block; `<` is escaped, so that no content can end it. */
export function dataBlock(id: string, value: unknown): Markup {
  return { text: `<script type="application/json" id="${escapeMarkup(id)}">${JSON.stringify(value).replaceAll("<", "\\u003c")}</script>` };
}

function render(part: Part): string {
  if (part === undefined) return "";
  if (typeof part === "string" || typeof part === "number") return escapeMarkup(String(part));
  return isMarkup(part) ? part.text : part.map(render).join("");
}

function isMarkup(part: Markup | readonly Part[]): part is Markup {
  return "text" in part;
}
