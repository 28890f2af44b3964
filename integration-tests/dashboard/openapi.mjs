// Holds answers to the director's own OpenAPI document, as far as that goes: no field is missing, none is of the page's author alone.

// What is wrong with an answer to /api/v1/PART, a line each.
export function wrong(document, part, answer) {
  const { schema } = document.paths[`/api/v1/${part}`].get.responses["200"].content["application/json"];
  return differences(document, schema, answer, part);
}

function differences(document, schema, value, at) {
  if (schema.$ref) return differences(document, document.components.schemas[schema.$ref.split("/").at(-1)], value, at);
  if (schema.anyOf) {
    const all = schema.anyOf.map((one) => differences(document, one, value, at));
    return all.find((one) => one.length === 0) ?? all[0];
  }
  if (schema.enum && !schema.enum.includes(value)) return [`${at}: ${value} is none of ${schema.enum}`];
  const kind = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const kinds = [schema.type ?? []].flat();
  const fits = kinds.some((of) => of === kind || (kind === "number" && of === "integer" && Number.isInteger(value)));
  if (kinds.length && !fits) return [`${at}: ${kind}, not ${kinds}`];
  if (kind === "array") return value.flatMap((of, n) => differences(document, schema.items ?? {}, of, `${at}[${n}]`));
  if (kind !== "object" || !schema.properties) return [];
  const missing = (schema.required ?? []).filter((name) => !(name in value)).map((name) => `${at}: ${name} is missing`);
  return missing.concat(Object.entries(value).flatMap(([name, of]) => {
    const known = schema.properties[name];
    return known ? differences(document, known, of, `${at}.${name}`) : [`${at}: there is no ${name}`];
  }));
}
