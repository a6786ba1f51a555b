#include "dialogue.hpp"

#include <algorithm>
#include <charconv>

namespace email {

namespace {

constexpr std::size_t longest_reply = 1000;  // bytes that are kept of one

std::string_view without_line_break(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

void Dialogue::sent(std::string_view line) {
  constexpr int go_on = 334;  // the server asked for the next piece of a secret
  if (last_.code == go_on) return;
  line = without_line_break(line);
  const std::string_view verb = line.substr(0, line.find(' '));
  command_ = verb == "AUTH" ? verb : line;
}

void Dialogue::received(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size() - 1) + 1;
    line(without_line_break(lines.substr(0, end)));
    lines.remove_prefix(end);
  }
}

void Dialogue::line(std::string_view line) {
  constexpr int send_content = 354;
  if (!reading_.text.empty()) reading_.text += ' ';
  reading_.text += line.substr(0, longest_reply - std::min(longest_reply, reading_.text.size()));
  if (line.size() > 3 && line[3] == '-') return;  // more lines follow
  std::from_chars(line.data(), line.data() + std::min<std::size_t>(3, line.size()), reading_.code);
  last_ = std::move(reading_);
  reading_ = {};
  if (last_.refuses()) {
    refusal_ = last_;
    refused_ = command_;
  }
  if (last_.code == send_content) command_ = "the message";
}

}  // namespace email
