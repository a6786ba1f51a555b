-- AlterTable
ALTER TABLE "Proposal" ADD COLUMN     "assistantEmail" TEXT,
ADD COLUMN     "currency" TEXT NOT NULL DEFAULT 'EUR',
ADD COLUMN     "customerNumber" BIGINT,
ADD COLUMN     "subtitle" TEXT,
ADD COLUMN     "taxRate" DECIMAL(5,2),
ADD COLUMN     "validUntil" DATE;

-- CreateTable
CREATE TABLE "Item" (
    "id" BIGSERIAL NOT NULL,
    "proposalId" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "detail" TEXT,
    "quantity" DECIMAL(12,3) NOT NULL,
    "price" DECIMAL(12,4) NOT NULL,

    CONSTRAINT "Item_pkey" PRIMARY KEY ("id")
);

-- AddForeignKey
ALTER TABLE "Item" ADD CONSTRAINT "Item_proposalId_fkey" FOREIGN KEY ("proposalId") REFERENCES "Proposal"("id") ON DELETE CASCADE ON UPDATE CASCADE;
