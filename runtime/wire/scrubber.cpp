#include "wire/scrubber.hpp"

#include <algorithm>
#include <sstream>
#include <string_view>

#include "base/json_edit.hpp"

namespace sluice::wire {

namespace {

constexpr std::string_view cut_mark = "…";

bool replace_all(std::string& text, const std::string& what, const std::string& by) {
  std::size_t at = text.find(what);
  if (at == std::string::npos) return false;
  for (; at != std::string::npos; at = text.find(what, at + by.size())) text.replace(at, what.size(), by);
  return true;
}

/// How many bytes of `secret`, from its begin, are the end of `text`; 0 if they are too few.
std::size_t begun(std::string_view text, std::string_view secret) {
  for (std::size_t size = std::min(text.size(), secret.size() - 1); size >= job::shortest_scrubbed; --size) {
    if (text.ends_with(secret.substr(0, size))) return size;
  }
  return 0;
}

}  // namespace

Scrubber::Scrubber(const job::Secrets& secrets) {
  const auto look_for = [&](const std::string& secret, const std::string& name) {
    if (secret.size() >= job::shortest_scrubbed) needles_.push_back({secret, "[secret " + name + "]"});
  };
  for (const auto& [name, secret] : secrets) {
    look_for(secret, name);
    std::istringstream lines(secret);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line != secret) look_for(line, name);
    }
  }
  std::stable_sort(needles_.begin(), needles_.end(),
                   [](const Needle& a, const Needle& b) { return a.secret.size() > b.secret.size(); });
}

bool Scrubber::scrub(std::string& text) const {
  bool found = false;
  for (const Needle& needle : needles_) found = replace_all(text, needle.secret, needle.mark) || found;
  return !needles_.empty() && (scrub_cut(text) || found);
}

/// The host cuts texts that are too long, perhaps within a secret.
bool Scrubber::scrub_cut(std::string& text) const {
  bool found = false;
  for (std::size_t at = text.find(cut_mark); at != std::string::npos; at = text.find(cut_mark, at + 1)) {
    for (const Needle& needle : needles_) {
      const std::size_t size = begun(std::string_view(text).substr(0, at), needle.secret);
      if (size == 0) continue;
      text.replace(at - size, size, needle.mark);
      at = at - size + needle.mark.size();
      found = true;
    }
  }
  return found;
}

void Scrubber::scrub_json(std::string& json) const {
  if (needles_.empty() || json.empty()) return;
  if (auto edited = base::edited_json(json, [this](std::string& text) { return scrub(text); }))
    json = *std::move(edited);
}

void Scrubber::scrub(LogLine& line) const {
  if (needles_.empty()) return;
  scrub(line.message);
  for (LogLine::Field& field : line.fields) {
    scrub(field.key);
    if (field.json) {
      scrub_json(field.value);
    } else {
      scrub(field.value);
    }
  }
}

void Scrubber::scrub(job::Outcome& outcome) const {
  if (needles_.empty()) return;
  for (std::string* text : {&outcome.code, &outcome.error, &outcome.log_tail, &outcome.stack}) scrub(*text);
  scrub_json(outcome.output);
}

}  // namespace sluice::wire
