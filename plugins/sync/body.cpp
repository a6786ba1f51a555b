#include "body.hpp"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace data_sync {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

struct Bom {
  std::string_view bytes;
  const char* charset;
};

using namespace std::string_view_literals;

// The longer ones first, because UTF-32LE's mark begins with that of UTF-16LE.
constexpr std::array<Bom, 5> boms = {{{"\xFF\xFE\0\0"sv, "UTF-32LE"},
                                      {"\0\0\xFE\xFF"sv, "UTF-32BE"},
                                      {"\xEF\xBB\xBF"sv, "UTF-8"},
                                      {"\xFF\xFE"sv, "UTF-16LE"},
                                      {"\xFE\xFF"sv, "UTF-16BE"}}};

/// JSON begins with ASCII, so the zeros among its first four bytes show the width and order of its
/// characters.
std::string charset_of_zeros(std::string_view body) {
  if (body.size() < 2) return {};
  std::string pattern;
  for (const char c : body.substr(0, 4)) pattern += c == '\0' ? '0' : 'x';
  if (pattern == "000x") return "UTF-32BE";
  if (pattern == "x000") return "UTF-32LE";
  if (pattern.substr(0, 2) == "0x") return "UTF-16BE";
  if (pattern.substr(0, 2) == "x0") return "UTF-16LE";
  return {};
}

/// The parameter "charset" of a Content-Type, in lower case.
std::string charset_of(std::string_view content_type) {
  const std::string text = lower(content_type);
  const std::size_t at = text.find("charset=");
  if (at == std::string::npos) return {};
  std::string charset = text.substr(at + 8);
  charset.erase(std::remove(charset.begin(), charset.end(), '"'), charset.end());
  charset.resize(std::min(charset.find_first_of("; ,"), charset.size()));
  return charset;
}

/// Empty if iconv does not know the charset, or the bytes are invalid in it.
std::string converted(std::string_view bytes, const std::string& charset) {
  const iconv_t converter = iconv_open("UTF-8", charset.c_str());
  if (std::bit_cast<std::intptr_t>(converter) == -1) return {};
  std::string out(bytes.size() * 3 + 16, '\0');  // no charset's byte becomes more than three
  char* from = const_cast<char*>(bytes.data());  // iconv does not write there
  std::size_t from_left = bytes.size();
  char* to = out.data();
  std::size_t to_left = out.size();
  const bool whole = iconv(converter, &from, &from_left, &to, &to_left) != static_cast<std::size_t>(-1);
  iconv_close(converter);
  out.resize(whole ? out.size() - to_left : 0);
  return out;
}

}  // namespace

std::string in_utf8(std::string body, std::string_view content_type) {
  std::string charset = charset_of_zeros(body);
  std::size_t mark = 0;
  for (const Bom& bom : boms) {
    if (mark != 0 || body.compare(0, bom.bytes.size(), bom.bytes) != 0) continue;
    charset = bom.charset;
    mark = bom.bytes.size();
  }
  if (mark != 0) body.erase(0, mark);
  if (charset.empty()) charset = charset_of(content_type);
  if (charset.empty() || lower(charset) == "utf-8" || lower(charset) == "utf8") return body;
  std::string text = converted(body, charset);
  return text.empty() ? body : text;
}

bool is_lines(std::string_view content_type) {
  const std::string type = lower(content_type.substr(0, content_type.find(';')));
  return type.find("ndjson") != std::string::npos || type.find("jsonl") != std::string::npos ||
         type.find("json-seq") != std::string::npos || type.find("json-lines") != std::string::npos ||
         type.find("stream+json") != std::string::npos;
}

std::optional<std::string> markup_title(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos || text[begin] != '<') return std::nullopt;
  const std::string small = lower(text.substr(0, 100'000));
  std::size_t at = small.find("<title");
  at = at == std::string::npos ? at : small.find('>', at);
  if (at == std::string::npos) return std::string();
  std::string title;
  for (const char c : text.substr(at + 1, small.find("</title", at) - at - 1)) {
    const bool blank = blanks.find(c) != std::string_view::npos;
    if (blank && (title.empty() || title.back() == ' ')) continue;
    title += blank ? ' ' : (c < ' ' || c > '~' ? '?' : c);
    if (title.size() == 100) break;
  }
  return title;
}

}  // namespace data_sync
