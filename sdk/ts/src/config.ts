/** Config: what the operator writes, checked, each error with its key; and its JSON Schema. */
import type { Address } from "./bytes";
import { ConfigError } from "./error";

/** A kind of value that a config can hold. */
export interface Field<T> {
  readonly schema: object;
  readonly isOptional?: boolean;
  parse(value: unknown, key: string): T;
}

/** The type that a field parses to. */
export type Parsed<F> = F extends Field<infer T> ? T : never;

const below = (key: string, part: string | number) => (key ? `${key}.${part}` : `${part}`);

function matching<T extends string>(pattern: string, wanted: string, change = (text: string) => text as T): Field<T> {
  const expression = new RegExp(pattern);
  return {
    schema: { type: "string", pattern },
    parse(value, key) {
      if (typeof value !== "string" || !expression.test(value)) throw new ConfigError(key, `expected ${wanted}`);
      return change(value);
    },
  };
}

/** An address. */
export const address = (): Field<Address> =>
  matching("^0x[0-9a-fA-F]{40}$", "an address: 0x and 40 hexadecimal digits", (text) => text.toLowerCase() as Address);

/** A decimal number as text, so that no digit is lost. */
export const decimal = (): Field<string> => matching("^[0-9]+(\\.[0-9]+)?$", 'a decimal number as text, such as "1234.5"');

/** A text. */
export const text = (): Field<string> => matching("^[\\s\\S]*$", "a text");

/** A whole number. */
export const integer = (limits: { min?: number; max?: number } = {}): Field<number> => ({
  schema: { type: "integer", minimum: limits.min, maximum: limits.max },
  parse(value, key) {
    if (!Number.isSafeInteger(value)) throw new ConfigError(key, "expected a whole number");
    const number = value as number;
    if (limits.min !== undefined && number < limits.min) throw new ConfigError(key, `at least ${limits.min}`);
    if (limits.max !== undefined && number > limits.max) throw new ConfigError(key, `at most ${limits.max}`);
    return number;
  },
});

/** True or false. */
export const boolean = (): Field<boolean> => ({
  schema: { type: "boolean" },
  parse(value, key) {
    if (typeof value !== "boolean") throw new ConfigError(key, "expected true or false");
    return value;
  },
});

/** A list. */
export const list = <T>(entry: Field<T>, limits: { min?: number } = {}): Field<T[]> => ({
  schema: { type: "array", items: entry.schema, minItems: limits.min },
  parse(value, key) {
    if (!Array.isArray(value)) throw new ConfigError(key, "expected a list");
    if (value.length < (limits.min ?? 0)) throw new ConfigError(key, `name at least ${limits.min}`);
    return value.map((one, at) => entry.parse(one, below(key, at)));
  },
});

/** A key that may be left out. */
export const optional = <T>(field: Field<T>): Field<T | undefined> => ({ ...field, isOptional: true });

/** The same with words for the operator: what the key means, and its unit. `watchfire plugin inspect` shows them. */
export const described = <T>(description: string, field: Field<T>): Field<T> => ({
  ...field,
  schema: { ...field.schema, description },
});

type Fields = Record<string, Field<unknown>>;

/** A table. */
export const table = <F extends Fields>(fields: F): Field<{ [Name in keyof F]: Parsed<F[Name]> }> => ({
  schema: {
    type: "object",
    properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.schema])),
    required: Object.keys(fields).filter((name) => !fields[name].isOptional),
    additionalProperties: false,
  },
  parse(value, key) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ConfigError(key, "expected a table");
    const given = value as Record<string, unknown>;
    for (const name of Object.keys(given)) {
      if (!(name in fields)) {
        throw new ConfigError(below(key, name), `unknown key, expected one of ${Object.keys(fields).join(", ")}`);
      }
    }
    const parsed: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      if (given[name] !== undefined && given[name] !== null) parsed[name] = field.parse(given[name], below(key, name));
      else if (!field.isOptional) throw new ConfigError(below(key, name), "missing");
    }
    return parsed as { [Name in keyof F]: Parsed<F[Name]> };
  },
});
