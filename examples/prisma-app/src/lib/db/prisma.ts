import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "../../../generated/client";

const url = process.env.DATABASE_URL;
if (!url) throw new Error("DATABASE_URL is not set: it names the database, postgresql://…");

// JSON.stringify refuses a BigInt. In payloads it is text, as Prisma's Decimal is; Sluice's handlers take both for
// the numbers that they are, an ISO date for a date, and null for what is not there.
declare global {
  interface BigInt {
    toJSON(): string;
  }
}
BigInt.prototype.toJSON = function () {
  return this.toString();
};

export const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
