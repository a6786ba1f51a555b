#include "content_type.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <sluice/result.hpp>
#include <utility>
#include <vector>

#include "address.hpp"
#include "encoding.hpp"

namespace email {

namespace {

constexpr std::size_t longest = 255;
constexpr std::string_view token_marks = "!#$%&'*+-.^_`{|}~";

constexpr std::array<std::pair<std::string_view, std::string_view>, 32> by_ending{{
    {"csv", "text/csv"},
    {"css", "text/css"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eml", "application/octet-stream"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ics", "text/calendar"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "application/javascript"},
    {"json", "application/json"},
    {"md", "text/markdown"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"txt", "text/plain"},
    {"webp", "image/webp"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
}};

std::size_t token_size(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           token_marks.find(c) != std::string_view::npos;
  });
  return static_cast<std::size_t>(end - text.begin());
}

/// The size of the quoted string at the beginning of `text`, with its quotes; 0 if there is no quoted string.
std::size_t quoted_size(std::string_view text) {
  if (text.empty() || text.front() != '"') return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return 0;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

/// Removes one `; name=value` from the beginning of `text`. Returns its name, or std::nullopt if it is
/// invalid.
std::optional<std::string> take_parameter(std::string_view& text) {
  text.remove_prefix(1);  // the semicolon
  skip_blanks(text);
  const std::string_view name = text.substr(0, token_size(text));
  text.remove_prefix(name.size());
  skip_blanks(text);
  if (name.empty() || text.empty() || text.front() != '=') return std::nullopt;
  text.remove_prefix(1);
  skip_blanks(text);
  const std::size_t quoted = quoted_size(text);
  const std::size_t size = quoted > 0 ? quoted : token_size(text);
  if (size == 0) return std::nullopt;
  text.remove_prefix(size);
  skip_blanks(text);
  return small_letters(name);
}

struct Parsed {
  std::string group;  // "text"
  std::vector<std::string> parameters;
};

std::optional<Parsed> parse(std::string_view text) {
  const std::size_t group = token_size(text);
  if (group == 0 || group >= text.size() || text[group] != '/') return std::nullopt;
  Parsed parsed{small_letters(text.substr(0, group)), {}};
  text.remove_prefix(group + 1);
  const std::size_t subtype = token_size(text);
  if (subtype == 0) return std::nullopt;
  text.remove_prefix(subtype);
  skip_blanks(text);
  while (!text.empty()) {
    if (text.front() != ';') return std::nullopt;
    auto name = take_parameter(text);
    if (!name) return std::nullopt;
    parsed.parameters.push_back(std::move(*name));
  }
  return parsed;
}

}  // namespace

std::string checked_content_type(std::string_view text, const std::string& place) {
  text = trimmed(text);
  while (!text.empty() && (text.back() == ';' || text.back() == ' ')) text.remove_suffix(1);
  std::string type(text);
  check_header_text(type, place);
  const auto parsed = parse(type);
  if (!parsed || type.size() > longest || is_beyond_ascii(type)) {
    throw sluice::PermanentError(
        "bad-attachment",
        place + ": '" + type + "' is not a content type; expected one like application/pdf");
  }
  if (parsed->group == "multipart" || parsed->group == "message") {  // RFC 2045 forbids encoding these
    throw sluice::PermanentError("bad-attachment",
                                 place + ": '" + type + "' can't be attached; use application/octet-stream");
  }
  return type;
}

std::string content_type_of(std::string_view filename) {
  const std::size_t dot = filename.rfind('.');
  if (dot != std::string_view::npos) {
    const std::string ending = small_letters(filename.substr(dot + 1));
    const auto* const found = std::find_if(by_ending.begin(), by_ending.end(),
                                           [&](const auto& row) { return row.first == ending; });
    if (found != by_ending.end()) return std::string(found->second);
  }
  return "application/octet-stream";
}

bool has_parameter(std::string_view content_type, std::string_view name) {
  const auto parsed = parse(content_type);
  return parsed &&
         std::find(parsed->parameters.begin(), parsed->parameters.end(), name) != parsed->parameters.end();
}

}  // namespace email
