// Translation between the two protocols of Prisma's query engine: Prisma Client Python speaks GraphQL, and the engine's
// WebAssembly form only the JSON protocol. Both carry the same requests, so nothing is interpreted here.

// token is a name, a value or a mark of a query. Commas mean nothing in GraphQL. Prisma Client Python writes strings and numbers
// as JSON does.
const token = /[\s,]*(?:([A-Za-z_]\w*)|("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)|([{}()[\]:])|$)/y;

class Reader {
  constructor(text) {
    this.text = text;
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

  // value returns a value as JSON text, so that numbers keep their digits.
  value() {
    if (this.is("{")) return this.members("}");
    if (this.is("[")) {
      const items = [];
      while (!this.is("]")) items.push(this.value());
      return `[${items}]`;
    }
    const { name, json } = this.next();
    if (json !== undefined) return json;
    return ["true", "false", "null"].includes(name) ? name : JSON.stringify(name); // an enumeration's value
  }

  members(end) {
    const members = [];
    while (!this.is(end)) {
      const name = this.name();
      this.want(":");
      members.push(`${JSON.stringify(name)}:${this.value()}`);
    }
    return `{${members}}`;
  }

  // field returns the arguments and the selection after a field's name.
  field() {
    const given = this.is("(") ? this.members(")") : "{}";
    const selected = [];
    if (this.is("{")) {
      while (!this.is("}")) {
        const name = this.name();
        const deep = this.token.mark === "(" || this.token.mark === "{";
        selected.push(`${JSON.stringify(name)}:${deep ? this.field() : "true"}`);
      }
    }
    return `{"arguments":${given},"selection":{${selected}}}`;
  }
}

const operation = /^(createManyAndReturn|createOne|createMany|updateOne|updateMany|upsertOne|deleteOne|deleteMany|aggregate|groupBy|queryRaw|executeRaw|findMany|findFirst|findUnique)(.*?)(OrThrow)?$/;

// toJSON returns a query in the JSON protocol, as text.
export function toJSON(query) {
  const reader = new Reader(query);
  reader.name(); // query or mutation
  reader.want("{");
  reader.name(); // result
  reader.want(":");
  const name = reader.name();
  const found = operation.exec(name);
  if (!found) throw new SyntaxError(`the query has the unknown operation ${name}`);
  const [, action, model, orThrow = ""] = found;
  const rest = reader.field();
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
