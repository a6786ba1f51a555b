#!/usr/bin/env python3
"""A real SMTP server on a free port of the loopback, for the tests of the email plugin.

  smtp_server.py DIRECTORY [OPTIONS AS JSON]

Prints its port when it listens, and ends when its standard input ends. It writes to DIRECTORY:

  events        one line for each event: "connected", "EHLO", "MAIL", "RCPT", "DATA", ...
  1.json, ...   each accepted mail: its envelope, its bytes, and the mail as read by Python's email package,
                which shares no code with the plugin
  ca.pem        with TLS, the certificate to trust

Options:
  tls        "starttls" or "smtps"
  name       the host name in the certificate, by default localhost
  user, password
             the only credentials that can send
  mechanism  the only login method offered, with a name that no client knows
  logins     the only login methods, each with its reply to the right password: {"PLAIN": "ok", "CRAM-MD5": "535
             5.7.8 no", "XOAUTH2": "ok"}; the password is the token of XOAUTH2
  utf8       offers SMTPUTF8
  answers    replies at a stage instead of the usual ones: {"RCPT": "550 5.1.1 no such user"}. Stages are
             greeting, MAIL, RCPT, DATA (the whole mail), QUIT. Instead of a reply, "close" ends the
             connection and "hang" never answers. For RCPT, an object has the replies by mailbox.
  after      a reply to send without a command after a mail was accepted, before the connection is closed
"""
import asyncio
import base64
import email
import email.policy
import hmac
import json
import logging
import os
import ssl
import subprocess
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult


class Recorder:
    def __init__(self, directory, options):
        self.directory = directory
        self.answers = options.get("answers", {})
        self.after = options.get("after")
        self.options = options
        self.count = 0

    def event(self, text):
        with open(os.path.join(self.directory, "events"), "a", encoding="utf-8") as events:
            events.write(text + "\n")

    async def answer(self, server, stage, usual, mailbox=None):
        self.event(stage)
        reply = self.answers.get(stage, usual)
        if isinstance(reply, dict):
            reply = reply.get(mailbox, usual)
        if reply == "close":
            server.transport.abort()
        if reply in ("close", "hang"):
            await asyncio.Event().wait()  # until the connection is gone
        return reply

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.event("EHLO " + hostname)
        session.host_name = hostname
        return responses

    def right(self, mechanism, user, password):
        """Returns the reply of the options if user and password are right."""
        self.event("AUTH " + mechanism)
        expected = self.options.get("user"), self.options.get("password")
        reply = self.options.get("logins", {}).get(mechanism, "ok") if (user, password) == expected else None
        return AuthResult(success=reply == "ok", handled=False, message=None if reply in ("ok", None) else reply)

    async def auth_CRAM__MD5(self, server, args):
        challenge = b"<1896.697170952@mail.test>"
        user, digest = (await server.challenge_auth(challenge)).decode().split(" ")
        password = self.options["password"]
        right = hmac.compare_digest(digest, hmac.new(password.encode(), challenge, "md5").hexdigest())
        return self.right("CRAM-MD5", user, password if right else None)

    async def auth_XOAUTH2(self, server, args):
        words = base64.b64decode(args[1]).decode().split("\x01")
        user, token = words[0].removeprefix("user="), words[1].removeprefix("auth=Bearer ")
        result = self.right("XOAUTH2", user, token)
        if not result.success:
            await server.challenge_auth('{"status":"401","schemes":"bearer","scope":"https://mail.test/"}')
        return result

    async def handle_MAIL(self, server, session, envelope, address, options):
        reply = await self.answer(server, "MAIL", "250 OK")
        if reply.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = await self.answer(server, "RCPT", "250 OK", address)
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server, session, envelope):
        reply = await self.answer(server, "DATA", "250 2.0.0 Ok: queued as TEST")
        if not reply.startswith("2"):
            return reply
        self.count += 1
        self.store(server, session, envelope)
        if self.after:
            asyncio.get_running_loop().call_soon(self.say_and_close, server)
        return reply

    async def handle_QUIT(self, server, session, envelope):
        return await self.answer(server, "QUIT", "221 Bye")

    def say_and_close(self, server):
        async def farewell():
            await server.push(self.after)
            server.transport.close()
            self.event("closed")

        self.farewell = asyncio.ensure_future(farewell())

    def store(self, server, session, envelope):
        mail = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "ehlo": session.host_name,
            "encrypted": server.transport.get_extra_info("ssl_object") is not None,
            "authenticated": bool(session.authenticated),
            "bytes": envelope.content.decode("latin-1"),
            "mail": read_mail(envelope.content),
        }
        path = os.path.join(self.directory, f"{self.count}.json")
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(mail, file)
        os.rename(path + ".part", path)


def read_mail(content):
    mail = email.message_from_bytes(content, policy=email.policy.default)
    return {
        "headers": {name: str(value) for name, value in mail.items()},
        "addresses": {
            name: [[address.display_name, address.addr_spec] for address in mail[name].addresses]
            for name in ("From", "Sender", "To", "Cc", "Reply-To")
            if name in mail
        },
        "unix_date": int(mail["Date"].datetime.timestamp()),
        "names": list(mail.keys()),
        "type": mail.get_content_type(),
        "longest_line": max(len(line) for line in content.split(b"\r\n")),
        "bare_line_ends": content.replace(b"\r\n", b"").count(b"\n") + content.replace(b"\r\n", b"").count(b"\r"),
        "bytes_beyond_ascii": sum(byte > 127 for byte in content),
        "defects": [repr(defect) for part in mail.walk() for defect in defects_of(part)],
        "parts": [read_part(part) for part in mail.walk() if not part.is_multipart()],
        "structure": [part.get_content_type() for part in mail.walk()],
    }


def defects_of(part):
    # The name in Content-Type is for readers without RFC 2231, in the form that they expect.
    values = [value for name, value in part.items() if name != "Content-Type" or "=?UTF-8?B?" not in part.as_string()]
    return list(part.defects) + [defect for value in values for defect in value.defects]


def read_part(part):
    content = part.get_payload(decode=True)
    return {
        "type": part.get_content_type(),
        "charset": part.get_content_charset() or "",
        "filename": part.get_filename() or "",
        "disposition": part.get_content_disposition() or "",
        "cid": part.get("Content-ID", ""),
        "name": part.get_param("name") or "",
        "content": base64.b64encode(content).decode(),
        "text": content.decode("utf-8", "replace"),
    }


class Server(SMTP):
    """Uses the reply of the options for the greeting too, and records connections."""

    def __init__(self, recorder, **arguments):
        super().__init__(recorder, **arguments)
        self.recorder = recorder
        self.greeted = False

    async def push(self, status):
        if not self.greeted:
            self.greeted = True
            self.recorder.event("connected")
            status = await self.recorder.answer(self, "greeting", status)
        await super().push(status)


def tls_context(directory, name):
    key, certificate = os.path.join(directory, "key.pem"), os.path.join(directory, "ca.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def arguments_of(options, context, recorder):
    arguments = {"hostname": "mail.test", "enable_SMTPUTF8": options.get("utf8", False)}
    if options.get("tls") == "starttls":
        arguments.update(tls_context=context, require_starttls=True)
    if "user" in options:

        def check(server, session, envelope, mechanism, data):
            return recorder.right(mechanism, data.login.decode(), data.password.decode())

        arguments.update(authenticator=check, auth_required=True, auth_require_tls="tls" in options)
    known = {"LOGIN", "PLAIN", "CRAM-MD5", "XOAUTH2"}
    offered = options.get("logins", {} if "mechanism" in options else {"LOGIN", "PLAIN"})
    arguments["auth_exclude_mechanism"] = list(known - set(offered))
    if "mechanism" in options:
        arguments["auth_require_tls"] = False
    return arguments


async def serve(directory, options):
    loop = asyncio.get_running_loop()
    context = tls_context(directory, options.get("name", "localhost")) if "tls" in options else None
    recorder = Recorder(directory, options)
    if "mechanism" in options:
        setattr(recorder, "auth_" + options["mechanism"], lambda server, args: None)
    arguments = arguments_of(options, context, recorder)
    if options.get("tls") == "smtps":
        arguments["auth_require_tls"] = False  # aiosmtpd recognises only its own STARTTLS
    server = await loop.create_server(
        lambda: Server(recorder, **arguments), "127.0.0.1", 0,
        ssl=context if options.get("tls") == "smtps" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)  # "hang" still blocks its handlers


if __name__ == "__main__":
    logging.disable()
    warnings.simplefilter("ignore")
    asyncio.run(serve(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}))
