// Creates proposals. The jobs that follow from a proposal are rows of the outbox, written in the transaction that
// writes the proposal. So either all of it happens, or none of it. Rows go into payloads as Prisma returns them, with
// their Decimal, BigInt, Date and null values.
import { prisma } from "@/lib/db/prisma";
import type { Prisma } from "../generated/client";

export type CreateProposalData = Prisma.ProposalCreateInput & { customerName: string };
type Proposal = Prisma.ProposalGetPayload<{ include: { items: true } }>;

export class ProposalService {
  async createProposal({ customerName, ...data }: CreateProposalData): Promise<Proposal> {
    return prisma.$transaction(async (tx) => {
      const proposal = await tx.proposal.create({ data, include: { items: true } });

      await tx.outbox.create({
        data: {
          type: "email.send",
          payload: {
            to: proposal.customerEmail,
            cc: proposal.assistantEmail,
            subject: "Proposal Created",
            body: `Your proposal ${proposal.id} has been created`,
          },
        },
      });
      await this.queueNotification(tx, proposal);
      await this.queuePdfGeneration(tx, proposal, customerName);
      await this.queueCustomer(tx, proposal, customerName);
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
          link: `/proposals/${proposal.id}`,
          data: { customerNumber: proposal.customerNumber, validUntil: proposal.validUntil, taxRate: proposal.taxRate },
        },
      },
    });
  }

  // The document. When it is finished, it is mailed to the customer as an attachment.
  private async queuePdfGeneration(tx: Prisma.TransactionClient, proposal: Proposal, name: string) {
    await tx.outbox.create({
      data: {
        type: "pdf.generate",
        payload: {
          template: "proposal",
          data: { ...proposal, proposalId: proposal.id, date: proposal.createdAt, customer: { name } },
          filename: `proposal-${proposal.id}.pdf`,
          then: {
            type: "email.send",
            payload: {
              to: proposal.customerEmail,
              cc: proposal.assistantEmail,
              subject: proposal.title,
              body: "You find our proposal attached.",
            },
          },
        },
      },
    });
  }

  // Copies the customer to the other system's table.
  private async queueCustomer(tx: Prisma.TransactionClient, proposal: Proposal, name: string) {
    await tx.outbox.create({
      data: {
        type: "data.sync",
        payload: {
          source: "application",
          target: "database",
          data: [{ id: proposal.customerNumber, name, city: null }],
        },
      },
    });
  }
}
