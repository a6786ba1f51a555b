// Queries and updates of the application's jobs. They use only the outbox, never schema sluice.
import { prisma } from "@/lib/db/prisma";

export async function countJobs() {
  const pendingCount = await prisma.outbox.count({
    where: { status: "pending" },
  });
  const processingCount = await prisma.outbox.count({
    where: { status: "processing" },
  });
  const doneCount = await prisma.outbox.count({
    where: { status: "done" },
  });
  const failedCount = await prisma.outbox.count({
    where: { status: "error" },
  });
  return { pending: pendingCount, processing: processingCount, done: doneCount, error: failedCount };
}

export async function recentJobs() {
  return prisma.outbox.findMany({
    orderBy: { createdAt: "desc" },
    take: 10,
  });
}

// Reset failed jobs for retry
export async function retryFailedJobs() {
  const { count } = await prisma.outbox.updateMany({
    where: {
      status: "error",
      attempts: { lt: 3 }, // Max 3 attempts
    },
    data: { status: "pending" },
  });
  return count;
}

// Remove completed jobs older than 30 days
export async function cleanUpJobs() {
  const { count } = await prisma.outbox.deleteMany({
    where: { status: "done", createdAt: { lt: new Date(Date.now() - 30 * 24 * 3600 * 1000) } },
  });
  return count;
}
