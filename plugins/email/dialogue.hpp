// What was said over an SMTP connection during one attempt: enough to tell people which command was
// refused, and in which words. Secrets do not enter it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace email {

struct Reply {
  int code = 0;      // 0: there was none
  std::string text;  // as the server put it, with the code; the lines joined by blanks; UTF-8

  bool refuses() const { return code >= 400; }
};

class Dialogue {
 public:
  /// What went out: one command, with its line break.
  void sent(std::string_view line);
  /// What came in: one or more lines.
  void received(std::string_view lines);
  /// The mail was handed over to the last byte.
  void content_sent() { content_sent_ = true; }

  /// The reply that refused the last command but QUIT, if it did, and that command: "RCPT
  /// TO:<ada@example.com>", "the connection", "the message".
  const Reply& refusal() const { return refusal_; }
  const std::string& refused() const { return refused_; }
  /// The last reply of all while the mail was handed over.
  const Reply& last() const { return last_; }
  bool is_content_sent() const { return content_sent_; }

  /// What the server answered to each RCPT, in order.
  const std::vector<Reply>& recipients() const { return recipients_; }
  /// Whether MAIL said SMTPUTF8, as libcurl does where the server offers it and an address needs it.
  bool is_beyond_ascii() const { return beyond_ascii_; }

  /// The SASL mechanism of the last AUTH; empty when there was none.
  const std::string& login() const { return login_; }
  bool is_logged_in() const { return logged_in_; }
  /// What a server says that refuses a token, before it does so: JSON. Empty when it said nothing.
  const std::string& token_error() const { return token_error_; }

 private:
  void line(std::string_view line);
  void replied();

  std::string command_ = "the connection";
  Reply reading_;
  Reply last_;
  Reply refusal_;
  std::string refused_;
  std::vector<Reply> recipients_;
  std::string login_;
  std::string token_error_;
  bool logged_in_ = false;
  bool beyond_ascii_ = false;
  bool content_sent_ = false;
};

}  // namespace email
