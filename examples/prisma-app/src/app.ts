// The application's command line: propose | jobs | retry | clean
import { cleanUpJobs, countJobs, recentJobs, retryFailedJobs } from "@/jobs";
import { prisma } from "@/lib/db/prisma";
import { ProposalService } from "@/proposals";

const commands: Record<string, (...args: string[]) => Promise<void>> = {
  async propose(customer = "Grace", email = "user@example.com") {
    const proposal = await new ProposalService().createProposal({
      title: `A proposal for ${customer}`,
      userId: "user-123",
      customerEmail: email,
      customerName: customer,
      customerNumber: 9007199254740993n, // too large for a JavaScript number
      taxRate: "19",
      validUntil: new Date("2026-12-31"),
      items: {
        create: [
          { description: "Survey", quantity: 1, price: "1850" },
          { description: "Wear layer", detail: "Oak, oiled", quantity: "640.5", price: "38.405" },
        ],
      },
    });
    console.log(`proposal ${proposal.id} created, with 5 jobs in the same transaction`);
  },

  async jobs() {
    const counts = await countJobs();
    console.log(Object.entries(counts).map(([status, count]) => `${status} ${count}`).join(", "));
    for (const job of await recentJobs()) {
      console.log(`${job.id}  ${job.type.padEnd(18)} ${job.status.padEnd(10)} attempts ${job.attempts}`);
    }
  },

  async retry() {
    console.log(`${await retryFailedJobs()} failed jobs are pending again`);
  },

  async clean() {
    console.log(`${await cleanUpJobs()} old jobs removed`);
  },
};

const [name = "", ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (!command) {
  console.error(`usage: npm run app -- ${Object.keys(commands).join(" | ")}`);
  process.exit(2);
}
try {
  await command(...args);
} finally {
  await prisma.$disconnect();
}
