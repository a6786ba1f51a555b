// Receives webhooks on a free port of the loopback and verifies them with the Standard Webhooks library.
//
//   node receiver.mjs SECRET FILE
//
// Prints its port when it listens, and ends when its standard input ends. Answers 204 to a genuine webhook and 401 to
// any other, and adds a line to FILE for each: the webhook as the library read it, or the library's error.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const [secret, file] = process.argv.slice(2);
const webhook = new Webhook(secret);

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  try {
    const read = webhook.verify(Buffer.concat(parts).toString(), request.headers);
    appendFileSync(file, JSON.stringify(read) + "\n");
    response.writeHead(204).end();
  } catch (error) {
    appendFileSync(file, `${error.name}: ${error.message}\n`);
    response.writeHead(401).end(error.message);
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
