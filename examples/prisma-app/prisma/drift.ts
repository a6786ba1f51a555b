// Asks Prisma's schema engine what `prisma migrate` would change in the database. Exits with 2 if it would change
// anything. The engine is the WebAssembly one, so nothing is downloaded.
//
//   npm run drift                          the whole schema of the application
//   npm run drift -- outbox.prisma         only these files of prisma/schema
//   npm run drift -- --from-empty [FILE…]  print the SQL that creates the schema in an empty database
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { PrismaPg } from "@prisma/adapter-pg";
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlQuery,
} from "@prisma/driver-adapter-utils";
import * as glue from "@prisma/schema-engine-wasm/schema_engine_bg";
import pg from "pg";

const directory = new URL("schema/", import.meta.url);

function readSchema(names: string[]) {
  const files = names.map((path) => ({ path, content: readFileSync(new URL(path, directory), "utf8") }));
  if (!files.some(({ content }) => content.includes("datasource "))) {
    files.push({ path: "datasource.prisma", content: 'datasource db {\n  provider = "postgresql"\n}\n' });
  }
  return files;
}

// The engine reads catalog columns of PostgreSQL's type "char" (oid 18), which the adapter does not know. So they pass
// through the adapter as "char"[] (oid 1002), and become "char" again afterwards.
class CatalogClient extends pg.Client {
  // Of the many overloads of pg's query, the pool uses the one with a callback, the adapter the one with a promise.
  override query(...args: any[]): any {
    const relabel = (result: pg.QueryResult) => {
      for (const field of result?.fields ?? []) if (field.dataTypeID === 18) field.dataTypeID = 1002;
      return result;
    };
    const run = super.query.bind(this) as (...args: any[]) => any;
    const last = args.at(-1);
    if (typeof last !== "function") return Promise.resolve(run(...args)).then(relabel);
    return run(...args.slice(0, -1), (error: Error, result: pg.QueryResult) => last(error, relabel(result)));
  }
}

function readingCatalogs(adapter: SqlDriverAdapter): SqlDriverAdapter {
  return new Proxy(adapter, {
    get(target, key) {
      if (key === "queryRaw") {
        return async (query: SqlQuery) => {
          const result = await target.queryRaw(query);
          result.columnTypes = result.columnTypes.map((type) =>
            type === ColumnTypeEnum.CharacterArray ? ColumnTypeEnum.Character : type,
          );
          return result;
        };
      }
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function openEngine(files: { path: string; content: string }[]) {
  const wasm = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const { instance } = await WebAssembly.instantiate(readFileSync(wasm.replace(/js$/, "wasm")), {
    "./schema_engine_bg.js": glue,
  } as unknown as WebAssembly.Imports);
  glue.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();

  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, Client: CatalogClient as never });
  const adapters = new PrismaPg(pool);
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: adapters.provider,
    adapterName: adapters.adapterName,
    connect: async () => readingCatalogs(await adapters.connect()),
    connectToShadowDb: async () => readingCatalogs(await adapters.connectToShadowDb()),
  });
  const datamodels = files.map(({ path, content }): [string, string] => [path, content]);
  return glue.SchemaEngine.new({ datamodels }, () => {}, factory as never);
}

const args = process.argv.slice(2);
const fromEmpty = args[0] === "--from-empty";
if (fromEmpty) args.shift();
const files = readSchema(args.length > 0 ? args : readdirSync(directory).sort());

const engine = await openEngine(files);
const { exitCode, stdout } = await engine.diff({
  from: fromEmpty ? { tag: "empty" } : { tag: "schemaDatasource", files, configDir: "." },
  to: { tag: "schemaDatamodel", files },
  script: true,
  exitCode: true,
  filters: { externalTables: [], externalEnums: [] },
});
if (fromEmpty) {
  process.stdout.write(stdout ?? "");
  process.exit(0);
}
if (exitCode === 0) {
  console.log(`no drift: the database matches ${files.map(({ path }) => path).join(", ")}`);
} else {
  console.error(`drift: prisma migrate would make these changes\n\n${stdout}`);
}
process.exit(exitCode);
