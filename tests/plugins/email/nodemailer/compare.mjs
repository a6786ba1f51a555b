// Makes a mail from each message object with Nodemailer, and compares it with the mail that Sluice made from the same
// object. mailparser reads both.
//
//   node compare.mjs MESSAGES DIRECTORY
//
// For each message N, from 0, DIRECTORY has the mail in N.eml and the job's output in N.json. Prints each difference,
// and fails if there is one.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import nodemailer from "nodemailer";
import { simpleParser } from "mailparser";

const [messages, directory] = process.argv.slice(2);
const OWN = /^(date|message-id|mime-version|content-type|content-transfer-encoding|to|cc|bcc|from|reply-to|subject)$/;

const mailboxes = (field) => [field ?? []].flat().flatMap(({ value }) => value)
  .flatMap(({ group, address, name }) => group ?? [{ address, name }]);

/// The message object as it is in an application's memory, before JSON.
const revived = (message) => ({
  ...message,
  attachments: message.attachments?.map((attachment) => attachment.content?.type === "Buffer"
    ? { ...attachment, content: Buffer.from(attachment.content.data) } : attachment),
});

async function read(source) {
  const mail = await simpleParser(source);
  return {
    from: mailboxes(mail.from), to: mailboxes(mail.to), cc: mailboxes(mail.cc), replyTo: mailboxes(mail.replyTo),
    subject: mail.subject, text: mail.text?.trimEnd(), html: mail.html,
    headers: mail.headerLines.filter(({ key }) => !OWN.test(key))
      .map(({ key }) => [key, mail.headers.get(key)]).sort(),
    attachments: mail.attachments.map(({ filename, contentType, contentDisposition, cid, content }) =>
      ({ filename, contentType, contentDisposition, cid, content: content.toString("base64") })),
  };
}

const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });
const shop = "Shop <shop@example.com>";
let failures = 0;
for (const [index, message] of JSON.parse(readFileSync(messages)).entries()) {
  const theirs = await transport.sendMail({ from: shop, ...revived(message) });
  const output = JSON.parse(readFileSync(`${directory}/${index}.json`));
  try {
    assert.deepEqual(await read(readFileSync(`${directory}/${index}.eml`)), await read(theirs.message));
    assert.deepEqual([...output.accepted].sort(), [...new Set(theirs.envelope.to)].sort());
    if (message.messageId) assert.equal(output.messageId, theirs.messageId);
  } catch (error) {
    console.error(`message ${index}, ${message.subject}: ${error.message}`);
    failures += 1;
  }
}
process.exit(failures ? 1 : 0);
