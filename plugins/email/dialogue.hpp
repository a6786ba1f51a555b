// What was said over an SMTP connection during one attempt: enough to tell people which command was
// refused, and in which words. Secrets do not enter it.
#pragma once

#include <string>
#include <string_view>

namespace email {

struct Reply {
  int code = 0;      // 0: there was none
  std::string text;  // as the server put it, with the code; the lines joined by blanks

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

  /// The last reply that refused something, and the command that it answered: "RCPT TO:<ada@example.com>",
  /// "the connection", "the message".
  const Reply& refusal() const { return refusal_; }
  const std::string& refused() const { return refused_; }
  /// The last reply of all while the mail was handed over.
  const Reply& last() const { return last_; }
  bool is_content_sent() const { return content_sent_; }

 private:
  void line(std::string_view line);

  std::string command_ = "the connection";
  Reply reading_;
  Reply last_;
  Reply refusal_;
  std::string refused_;
  bool content_sent_ = false;
};

}  // namespace email
