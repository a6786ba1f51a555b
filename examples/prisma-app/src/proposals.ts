// Creates proposals. The jobs that follow from one are rows of the outbox, written in the transaction
// that writes the proposal: either all of it happens or none.
import { prisma } from "@/lib/db/prisma";
import type { Prisma, Proposal } from "../generated/client";

export type CreateProposalData = Prisma.ProposalCreateInput & { customerName: string };

export class ProposalService {
  async createProposal({ customerName, ...data }: CreateProposalData): Promise<Proposal> {
    return prisma.$transaction(async (tx) => {
      const proposal = await tx.proposal.create({ data });

      await tx.outbox.create({
        data: {
          type: "email.send",
          payload: {
            to: proposal.customerEmail,
            subject: "Proposal Created",
            body: `Your proposal ${proposal.id} has been created`,
          },
        },
      });
      await this.queueNotification(tx, proposal);
      await this.queuePdfGeneration(tx, proposal);
      await tx.outbox.create({ data: { type: "hello.greet", payload: { name: customerName } } });

      return proposal;
    });
  }

  private async queueNotification(tx: Prisma.TransactionClient, proposal: Proposal) {
    await tx.outbox.create({
      data: {
        type: "notification.send",
        payload: {
          userId: proposal.userId,
          type: "proposal_created",
          message: `Proposal ${proposal.id} created successfully`,
        },
      },
    });
  }

  private async queuePdfGeneration(tx: Prisma.TransactionClient, proposal: Proposal) {
    await tx.outbox.create({
      data: {
        type: "pdf.generate",
        payload: {
          template: "proposal",
          data: { proposalId: proposal.id },
          filename: `proposal-${proposal.id}.pdf`,
        },
      },
    });
  }
}
