import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "../../../generated/client";

const url = process.env.DATABASE_URL;
if (!url) throw new Error("DATABASE_URL is not set: set it to the database's URL, postgresql://…");

// JSON.stringify refuses a BigInt. In payloads it becomes text, as Prisma's Decimal does. Sluice's handlers read both
// as numbers and an ISO date as a date, and they treat null as absent.
declare global {
  interface BigInt {
    toJSON(): string;
  }
}
BigInt.prototype.toJSON = function () {
  return this.toString();
};

export const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
