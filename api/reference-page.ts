import { z } from "@hono/zod-openapi";

/**
 * The reference page, written from the OpenAPI document itself: plain HTML that loads nothing, so that it works on a
 * machine without a network and shows what this very process answers.
 */

const METHODS = ["get", "post", "put", "patch", "delete"] as const;

const SchemaOrRef = z.looseObject({});
const OperationSchema = z.looseObject({
  summary: z.string().default(""),
  description: z.string().default(""),
  tags: z.array(z.string()).default(["Other"]),
  security: z.array(z.unknown()).optional(),
  parameters: z
    .array(
      z.looseObject({
        name: z.string(),
        in: z.string(),
        required: z.boolean().default(false),
        description: z.string().default(""),
        schema: SchemaOrRef.default({}),
      }),
    )
    .default([]),
  requestBody: z
    .looseObject({ content: z.record(z.string(), z.looseObject({ schema: SchemaOrRef })) })
    .optional(),
  responses: z
    .record(
      z.string(),
      z.looseObject({
        description: z.string().default(""),
        content: z.record(z.string(), z.looseObject({ schema: SchemaOrRef.optional() })).optional(),
      }),
    )
    .default({}),
});
type Operation = z.output<typeof OperationSchema>;

const DocumentSchema = z.looseObject({
  info: z.looseObject({
    title: z.string(),
    version: z.string(),
    description: z.string().default(""),
  }),
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
  components: z
    .looseObject({ schemas: z.record(z.string(), SchemaOrRef).default({}) })
    .default({ schemas: {} }),
});

export function renderReferencePage(openApiDocument: unknown): string {
  const { info, paths, components } = DocumentSchema.parse(openApiDocument);
  const byTag = new Map<string, string[]>();
  for (const [path, operations] of Object.entries(paths)) {
    for (const method of METHODS) {
      if (operations[method] === undefined) continue;
      const operation = OperationSchema.parse(operations[method]);
      const [tag = "Other"] = operation.tags;
      byTag.set(tag, [...(byTag.get(tag) ?? []), renderOperation(method, path, operation)]);
    }
  }
  const sections = [...byTag].map(([tag, parts]) => `<h2>${escape(tag)}</h2>${parts.join("")}`);
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details id="schema-${escape(name)}"><summary><code>${escape(name)}</code></summary>${json(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(info.title)}</title><style>${STYLE}</style></head><body>
<h1>${escape(info.title)} <small>${escape(info.version)}</small></h1>
<p>${prose(info.description)}</p><p><a href="/v1/openapi.json">OpenAPI 3.1 document</a></p>
${sections.join("\n")}<h2>Schemas</h2>${schemas.join("\n")}
</body></html>`;
}

function renderOperation(method: string, path: string, operation: Operation): string {
  const parameters = operation.parameters.map(
    (parameter) =>
      `<tr><td><code>${escape(parameter.name)}</code>${parameter.required ? " *" : ""}</td><td>${escape(parameter.in)}</td>` +
      `<td>${prose(parameter.description)} ${inlineSchema(parameter.schema)}</td></tr>`,
  );
  const body = Object.entries(operation.requestBody?.content ?? {}).map(
    ([mediaType, { schema }]) =>
      `<h4>Body <code>${escape(mediaType)}</code></h4>${renderSchema(schema)}`,
  );
  const responses = Object.entries(operation.responses).map(
    ([status, { description, content }]) =>
      `<tr><td><code>${escape(status)}</code></td><td>${prose(description)} ${Object.values(
        content ?? {},
      )
        .map(({ schema }) => (schema === undefined ? "" : linkOf(schema)))
        .join(" ")}</td></tr>`,
  );
  return `<details class="op"><summary><b class="${method}">${method.toUpperCase()}</b> <code>${escape(path)}</code> ${escape(operation.summary)}</summary>
<p>${prose(operation.description)}</p>
${parameters.length > 0 ? `<table>${parameters.join("")}</table>` : ""}${body.join("")}
<h4>Answers</h4><table>${responses.join("")}</table></details>`;
}

function renderSchema(schema: Readonly<Record<string, unknown>>): string {
  return linkOf(schema) || json(schema);
}

function linkOf(schema: Readonly<Record<string, unknown>>): string {
  const reference = schema["$ref"];
  if (typeof reference !== "string") return "";
  const name = reference.slice(reference.lastIndexOf("/") + 1);
  return `<a href="#schema-${escape(name)}"><code>${escape(name)}</code></a>`;
}

function inlineSchema(schema: Readonly<Record<string, unknown>>): string {
  return `<code>${escape(JSON.stringify(schema))}</code>`;
}

function json(value: unknown): string {
  return `<pre>${escape(JSON.stringify(value, null, 2))}</pre>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** Descriptions are CommonMark; names in backticks are all that ours have of it. */
function prose(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733;background:#fff}
h1 small{color:#5b6b7b;font-weight:400}h2{margin-top:2rem;border-bottom:1px solid #d5dde5}
details{margin:.4rem 0;padding:.3rem .6rem;border:1px solid #d5dde5;border-radius:6px}summary{cursor:pointer}
summary b{display:inline-block;min-width:4.5rem}.get{color:#0b6bcb}.post{color:#1a7f37}.put,.patch{color:#9a6700}.delete{color:#c62828}
table{border-collapse:collapse;width:100%}td{border-top:1px solid #e6ecf1;padding:.25rem .5rem;vertical-align:top}
code{font-size:.9em;overflow-wrap:anywhere}pre{overflow:auto;background:#f5f8fa;padding:.6rem;border-radius:6px}
@media (prefers-color-scheme:dark){body{background:#10161c;color:#d8e1ea}pre{background:#18212a}h2,details,td{border-color:#2b3947}a{color:#6cb6ff}}
`;
