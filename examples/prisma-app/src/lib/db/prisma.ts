import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "../../../generated/client";

const url = process.env.DATABASE_URL;
if (!url) throw new Error("DATABASE_URL is not set: it names the database, postgresql://…");

export const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
