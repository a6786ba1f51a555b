// Makes a mail of each message object with Nodemailer, and compares what mailparser reads in it with what it reads in
// the mail that Sluice made of the same object.
//
//   node compare.mjs MESSAGES DIRECTORY
//
// DIRECTORY has N.eml and, in N.json, the job's output for message N, from 0. Prints each difference; fails on any.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import nodemailer from "nodemailer";
import { simpleParser } from "mailparser";

const [messages, directory] = process.argv.slice(2);
const OWN = /^(date|message-id|mime-version|content-type|content-transfer-encoding|to|cc|bcc|from|reply-to|subject)$/;

const mailboxes = (field) => [field ?? []].flat().flatMap(({ value }) => value)
  .flatMap(({ group, address, name }) => group ?? [{ address, name }]);

/// A message object as an application has it in memory, before JSON.
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
