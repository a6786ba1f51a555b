// The commands and replies of an SMTP connection during one attempt: enough to report which command was
// refused, and with which reply. It contains no secrets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace email {

struct Reply {
  int code = 0;      // 0: no reply
  std::string text;  // with the code; the lines joined by blanks; UTF-8

  bool refuses() const { return code >= 400; }
};

class Dialogue {
 public:
  /// One command was sent, with its line break.
  void sent(std::string_view line);
  /// One or more lines were received.
  void received(std::string_view lines);
  /// The whole mail was sent, including its last byte.
  void content_sent() { content_sent_ = true; }

  /// The reply to the last command before QUIT, if it refused that command; otherwise its code is 0.
  const Reply& refusal() const { return refusal_; }
  /// The refused command: "RCPT TO:<ada@example.com>", "the connection", "the message". Empty if none was.
  const std::string& refused() const { return refused_; }
  /// The last reply of all.
  const Reply& last() const { return last_; }
  bool is_content_sent() const { return content_sent_; }

  /// The replies to each RCPT, in order.
  const std::vector<Reply>& recipients() const { return recipients_; }
  /// Whether MAIL had SMTPUTF8. libcurl adds it if the server offers it and an address needs it.
  bool is_beyond_ascii() const { return beyond_ascii_; }

  /// The SASL mechanism of the last AUTH; empty if there was no AUTH.
  const std::string& login() const { return login_; }
  bool is_logged_in() const { return logged_in_; }
  /// The JSON that a server sends before it refuses a token; empty if it sent none.
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
