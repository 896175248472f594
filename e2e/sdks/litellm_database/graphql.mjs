// Translation between the two protocols of Prisma's query engine: Prisma Client Python speaks GraphQL, and the engine's
// WebAssembly form only the JSON protocol. Both carry the same requests. They differ in how they mark types: in GraphQL the
// text of a JSON document is a string, as the schema says what it is.

// fieldTypes returns the types of the fields of a schema's models, by model and field.
export function fieldTypes(schema) {
  const models = new Map();
  for (const [, model, body] of schema.matchAll(/^model (\w+) \{$([^]*?)^\}/gm)) {
    models.set(model, new Map([...body.matchAll(/^\s*(\w+)\s+(\w+)/gm)].map(([, field, type]) => [field, type])));
  }
  return models;
}

// documents are the members of a filter or a change of a JSON field that are JSON documents themselves.
const documents = ["set", "equals", "not", "array_contains", "array_starts_with", "array_ends_with"];

// token is a name, a value or a mark of a query. Commas mean nothing in GraphQL. Prisma Client Python writes strings and numbers
// as JSON does.
const token = /[\s,]*(?:([A-Za-z_]\w*)|("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)|([{}()[\]:])|$)/y;

class Reader {
  constructor(text, models) {
    this.text = text;
    this.models = models;
    this.at = 0;
    this.next();
  }

  next() {
    const was = this.token;
    token.lastIndex = this.at;
    const found = token.exec(this.text);
    if (!found) throw new SyntaxError(`the query has an unexpected ${JSON.stringify(this.text.slice(this.at, this.at + 40))}`);
    this.at = token.lastIndex;
    const [, name, string, number, mark] = found;
    this.token = { name, json: string ?? number, mark };
    return was;
  }

  // is reports whether the next token is a mark, and takes it.
  is(mark) {
    if (this.token.mark !== mark) return false;
    this.next();
    return true;
  }

  want(mark) {
    if (!this.is(mark)) throw new SyntaxError(`the query has ${JSON.stringify(this.token)} where ${mark} is expected`);
  }

  name() {
    const { name } = this.next();
    if (name === undefined) throw new SyntaxError("the query has no name where one is expected");
    return name;
  }

  // value returns a value of a model or of a scalar type as JSON text, so that numbers keep their digits.
  value(type) {
    if (this.is("{")) return this.members("}", type);
    if (this.is("[")) {
      const items = [];
      while (!this.is("]")) items.push(this.value(type));
      return `[${items}]`;
    }
    const { name, json } = this.next();
    if (type === "Json" && json?.startsWith('"')) return `{"$type":"Json","value":${json}}`;
    if (json !== undefined) return json;
    return ["true", "false", "null"].includes(name) ? name : JSON.stringify(name); // an enumeration's value
  }

  members(end, type) {
    const members = [];
    while (!this.is(end)) {
      const name = this.name();
      this.want(":");
      const inner = type === "Json" ? (documents.includes(name) ? type : undefined) : (this.models.get(type)?.get(name) ?? type);
      members.push(`${JSON.stringify(name)}:${this.value(inner)}`);
    }
    return `{${members}}`;
  }

  // field returns the arguments and the selection after the name of a field of a model.
  field(model) {
    const given = this.is("(") ? this.members(")", model) : "{}";
    const selected = [];
    if (this.is("{")) {
      while (!this.is("}")) {
        const name = this.name();
        const deep = this.token.mark === "(" || this.token.mark === "{";
        selected.push(`${JSON.stringify(name)}:${deep ? this.field(this.models.get(model)?.get(name)) : "true"}`);
      }
    }
    return `{"arguments":${given},"selection":{${selected}}}`;
  }
}

const operation = /^(createManyAndReturn|createOne|createMany|updateOne|updateMany|upsertOne|deleteOne|deleteMany|aggregate|groupBy|queryRaw|executeRaw|findMany|findFirst|findUnique)(.*?)(OrThrow)?$/;

// toJSON returns a query in the JSON protocol, as text.
export function toJSON(query, models) {
  const reader = new Reader(query, models);
  reader.name(); // query or mutation
  reader.want("{");
  reader.name(); // result
  reader.want(":");
  const name = reader.name();
  const found = operation.exec(name);
  if (!found) throw new SyntaxError(`the query has the unknown operation ${name}`);
  const [, action, model, orThrow = ""] = found;
  const rest = reader.field(model);
  reader.want("}");
  return `{${model ? `"modelName":${JSON.stringify(model)},` : ""}"action":"${action}${orThrow}","query":${rest}}`;
}

// untyped returns a value as the GraphQL protocol has it, in which types are not marked.
function untyped(value) {
  if (Array.isArray(value)) return value.map(untyped);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$type === "string") return value.value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, untyped(member)]));
}

// raw returns the rows of a raw query as engines before 5.14 had them, which is what the client reads: each value has its type.
function raw({ columns, types, rows }) {
  const typed = (type, value) => {
    if (value === null) return { prisma__type: "null", prisma__value: null };
    if (type === "json") return { prisma__type: type, prisma__value: typeof value === "string" ? JSON.parse(value) : value };
    if (!type.endsWith("-array")) return { prisma__type: type, prisma__value: value };
    const element = type.slice(0, -"-array".length);
    return { prisma__type: "array", prisma__value: value.map((one) => typed(element, one)) };
  };
  return rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], typed(types[i], value)])));
}

// fromJSON returns an answer in the GraphQL protocol.
export function fromJSON(answer) {
  if (answer.batchResult) return { ...answer, batchResult: answer.batchResult.map(fromJSON) };
  if (!answer.data) return answer;
  const [[name, value]] = Object.entries(answer.data);
  return { ...answer, data: { result: name === "queryRaw" ? raw(value) : untyped(value) } };
}
