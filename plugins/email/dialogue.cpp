#include "dialogue.hpp"

#include <algorithm>
#include <charconv>

#include "encoding.hpp"

namespace email {

namespace {

constexpr std::size_t longest_reply = 1000;  // bytes; the rest is dropped
constexpr int go_on = 334;                   // the server asks for the next piece of a secret

std::string_view without_line_break(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

bool begins_with(std::string_view text, std::string_view beginning) {
  return text.substr(0, beginning.size()) == beginning;
}

}  // namespace

void Dialogue::sent(std::string_view line) {
  if (last_.code == go_on) return;
  line = without_line_break(line);
  const std::string_view verb = line.substr(0, line.find(' '));
  // An earlier refusal did not end the attempt: there are other recipients, or other ways to log in.
  if (verb != "QUIT") {
    refusal_ = {};
    refused_.clear();
  }
  command_ = verb == "AUTH" ? verb : line;
  if (verb == "AUTH") {
    const std::string_view mechanism = line.substr(std::min<std::size_t>(5, line.size()));
    login_ = mechanism.substr(0, mechanism.find(' '));
  }
  if (verb == "MAIL") beyond_ascii_ = line.find(" SMTPUTF8") != std::string_view::npos;
}

void Dialogue::received(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size() - 1) + 1;
    line(without_line_break(lines.substr(0, end)));
    lines.remove_prefix(end);
  }
}

void Dialogue::line(std::string_view line) {
  if (!reading_.text.empty()) reading_.text += ' ';
  reading_.text += line.substr(0, longest_reply - std::min(longest_reply, reading_.text.size()));
  if (line.size() > 3 && line[3] == '-') return;  // more lines follow
  std::from_chars(line.data(), line.data() + std::min<std::size_t>(3, line.size()), reading_.code);
  reading_.text = with_valid_utf8(reading_.text);
  last_ = std::move(reading_);
  reading_ = {};
  replied();
}

void Dialogue::replied() {
  constexpr int send_content = 354;
  constexpr int logged_in = 235;
  if (begins_with(command_, "RCPT ")) recipients_.push_back(last_);
  if (command_ == "AUTH" && last_.code == logged_in) logged_in_ = true;
  if (command_ == "AUTH" && last_.code == go_on && (login_ == "XOAUTH2" || login_ == "OAUTHBEARER")) {
    const std::string words =
        base64_decoded(last_.text.substr(std::min<std::size_t>(4, last_.text.size()))).value_or("");
    if (!words.empty() && words.front() == '{') token_error_ = with_valid_utf8(words);
  }
  if (last_.refuses() && command_ != "QUIT") {
    refusal_ = last_;
    refused_ = command_;
  }
  if (last_.code == send_content) command_ = "the message";
}

}  // namespace email
