// tests/plugins/email/smtp_server.py as a process that belongs to one test.
#pragma once

#include <rapidjson/document.h>

#include <sluice/payload.hpp>
#include <string>
#include <utility>
#include <vector>

#include "plugins/python_server.hpp"

namespace sluice::test {

/// In base64 as Python writes it.
std::string base64_of(const std::string& bytes);

/// A mail as the server received it, for reading with sluice::Json.
class ReceivedMail {
 public:
  explicit ReceivedMail(const std::string& json);
  Json json() const { return {document_, "received"}; }
  /// As Python's email package reads it.
  Json mail() const { return json().object("mail"); }
  std::string header(const std::string& name) const { return mail().object("headers").string(name); }
  /// The mail as received, without the dots that SMTP doubles.
  std::string bytes() const { return json().string("bytes"); }
  /// "Ada <ada@example.com>, ...", parsed from that header.
  std::string addresses(const std::string& header) const;
  Json part(std::size_t index) const;

 private:
  rapidjson::Document document_;
};

class SmtpServer {
 public:
  /// `options`: those of the script. Returns when the server listens. Throws std::runtime_error if it does
  /// not start.
  explicit SmtpServer(const std::string& options = "{}") : server_(SMTP_SERVER, options) {}

  std::string url(const std::string& scheme = "smtp") const {
    return scheme + "://localhost:" + std::to_string(server_.port());
  }
  std::string ca_file() const { return server_.records().path("ca.pem"); }
  /// Stops the process with SIGSTOP; its connections stay open.
  void freeze() const { server_.freeze(); }
  /// The mails so far.
  std::vector<ReceivedMail> mails() const;
  /// One of the mails. Throws std::out_of_range if it did not arrive.
  ReceivedMail mail(std::size_t index) const { return std::move(mails().at(index)); }
  /// How often an event happened: "connected", "MAIL", "RCPT", "DATA", "closed".
  long count(const std::string& event) const;

 private:
  PythonServer server_;
};

}  // namespace sluice::test
